// Keys for the buttons of the page, a guard against a key pressed twice, and the time that a vote took.
"use strict";
{
  const GUARD = 250; // milliseconds after the page appeared in which nothing is a judgement
  const keys = {
    ArrowLeft: "left", 1: "left",
    ArrowRight: "right", 2: "right",
    e: "equal", "=": "equal",
    b: "both_bad", 0: "both_bad",
    s: "skip",
  };
  const ballot = document.getElementById("ballot");
  const undo = document.getElementById("undo");
  let sent = false;

  document.querySelector(".answers")?.scrollIntoView({block: "center"}); // where the code is taller than the screen

  for (const form of [ballot, undo]) {
    form?.addEventListener("submit", event => {
      if (sent || performance.now() < GUARD) {
        event.preventDefault();
        return;
      }
      sent = true;
      if (form === ballot) {
        form.elements.seconds.value = (performance.now() / 1000).toFixed(2);
        event.submitter?.classList.add("chosen");
      }
    });
  }
  document.addEventListener("keydown", event => {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input")) return;
    const button = event.key === "u" || event.key === "Backspace"
      ? undo?.querySelector("button:enabled")
      : ballot && keys[event.key] && document.querySelector(`button[value=${keys[event.key]}]`);
    if (button) {
      event.preventDefault();
      button.form.requestSubmit(button);
    }
  });
  addEventListener("pageshow", event => { if (event.persisted) location.reload(); });
}
