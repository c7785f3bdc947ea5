"use strict";
// Computes "should we switch?" again from what is typed, step by step as tuner/report/costs.py does, and opens what
// is folded before the page is printed, but for what says the same once more. All words come from the page; nothing is fetched, stored or sent.
(() => {
  const HOURS_PER_MONTH = (24 * 365.25) / 12;
  const LARGEST_TEAM = 10000;
  const MOST_MONEY = 1e15;
  const box = document.getElementById("switching");
  const inputs = [...box.querySelectorAll("input")];
  const given = Object.fromEntries(inputs.map((input) => [input.name, input.value]));

  const parted = (text) => text.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  const fixed = (number, places) => {
    const [whole, rest] = number.toFixed(places).split(".");
    return parted(whole) + (rest ? "." + rest : "");
  };
  const money = (number) =>
    number >= MOST_MONEY ? "over $" + fixed(MOST_MONEY, 0) : "$" + fixed(number, number >= 100 ? 0 : 2);
  const put = (text, values) => Object.entries(values).reduce((all, [name, value]) => all.replace(`{${name}}`, () => value), text);

  function isValid(input) {
    const number = input.valueAsNumber;
    if (input.value === "") return "optional" in input.dataset;
    if (!Number.isFinite(number)) return false;
    if ("whole" in input.dataset && !Number.isInteger(number)) return false;
    if ("above" in input.dataset && !(number > Number(input.dataset.above))) return false;
    return !(input.min !== "" && number < Number(input.min)) && !(input.max !== "" && number > Number(input.max));
  }

  function compute(team) {
    const served = Number.isFinite(team.latency_ms) ? 1000 / team.latency_ms : null;
    const peak = (developers) => {
      const daily = developers * team.completions_per_developer_day;
      return (daily / (team.hours_per_day * 3600)) * team.peak_over_mean;
    };
    const machines = (developers) => (served === null ? 1 : Math.max(1, Math.ceil(peak(developers) / served)));
    const oneHardware = team.hardware_dollars / (team.hardware_years * 12);
    const oneEnergy = (team.watts / 1000) * HOURS_PER_MONTH * team.dollars_per_kwh;
    const care = team.hours_of_care_per_month * team.dollars_per_hour_of_care;
    const needed = machines(team.developers);
    const hardware = needed * oneHardware;
    const energy = needed * oneEnergy;
    let even = null;
    for (let developers = 1; developers <= LARGEST_TEAM && even === null; developers++) {
      if (machines(developers) * (oneHardware + oneEnergy) + care <= developers * team.seat_dollars_per_month) even = developers;
    }
    return {
      seats: team.developers * team.seat_dollars_per_month, hardware, energy, care, ours: hardware + energy + care,
      completions: team.developers * team.completions_per_developer_day * team.days_per_month,
      peak: peak(team.developers), served, needed, even,
      busy: served === null ? null : peak(team.developers) / (needed * served),
    };
  }

  function show(team, found) {
    const words = box.dataset;
    const outcome = found.served === null ? "unknown" : found.ours <= found.seats ? "cheaper" : "dearer";
    const even = found.even === null ? words.neverEven : put(words.even, { break_even: fixed(found.even, 0) });
    const figures = {
      seats: money(found.seats), hardware: money(found.hardware), energy: money(found.energy), care: money(found.care),
      ours: money(found.ours), completions: fixed(found.completions, 0), peak: fixed(found.peak, 2),
      served: found.served === null ? words.none : fixed(found.served, 2), machines: fixed(found.needed, 0),
      busy: found.busy === null ? words.none : fixed(100 * found.busy, 0) + " %",
      break_even: found.even === null ? words.none : fixed(found.even, 0),
    };
    for (const place of document.querySelectorAll("[data-figure]")) place.textContent = figures[place.dataset.figure];
    for (const place of box.querySelectorAll("[data-thousand]")) {
      place.textContent = money((Number(place.dataset.thousand) * found.completions) / 1000);
    }
    const lead = words[outcome];
    const tail = put(words.tail, { ours: figures.ours, seats: figures.seats, developers: fixed(team.developers, 0), even });
    for (const place of document.querySelectorAll("[data-line]")) place.textContent = lead + " " + tail;
  }

  function recompute() {
    let sound = true;
    for (const input of inputs) {
      const valid = isValid(input);
      if (valid) input.removeAttribute("aria-invalid");
      else input.setAttribute("aria-invalid", "true");
      sound = sound && valid;
    }
    document.getElementById("unsound").hidden = sound;
    if (!sound) return;
    const team = Object.fromEntries(inputs.map((input) => [input.name, input.valueAsNumber]));
    show(team, compute(team));
  }

  const reset = document.getElementById("reset");
  reset.hidden = false;
  reset.addEventListener("click", () => {
    for (const input of inputs) input.value = given[input.name];
    recompute();
  });
  for (const input of inputs) {
    input.readOnly = false;
    input.addEventListener("input", recompute);
  }

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open], .more)")];
    for (const each of opened) each.open = true;
  });
  addEventListener("afterprint", () => {
    for (const each of opened) each.open = false;
  });
})();
