"""The program that `sandbox` starts: it builds the cage, runs one command in it, and says how that ended.

In, on stdin: a JSON object (`sandbox.run` writes it). Out, on the pipe whose number is the only argument: one JSON
object, either `refused` with the step that this kernel did not allow, or `ended` and `status`. The command's own output
goes where this program's does. It is a script of the standard library alone, for it is started with `-I -S`.

Three processes: the launcher makes new namespaces and waits; the keeper is process 1 in them, builds the file system,
watches and reports; the command is its child. When the keeper ends, for whatever reason, the kernel kills all that is
left in the namespaces, and the writable files, which live in memory alone, are gone with it. Keeper and launcher die
with whoever started them.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import shutil
import signal
import stat
import sys
import time
from typing import Any, NoReturn

LIBC = ctypes.CDLL(None, use_errno=True)
# Numbers of linux/sched.h, linux/mount.h and linux/prctl.h, which Python has only from 3.12 on, or not at all.
NEW_NAMESPACES = 0x00020000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 4096, 16384, 1 << 18
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV = 1, 2, 4
AT_FDCWD, AT_RECURSIVE, MNT_DETACH = -100, 0x8000, 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
SYS_MOUNT_SETATTR = 442  # the same number on every architecture
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
INSIDE_ID, NOBODY = 1000, 65534
# What any program needs to start. Of /etc only what says how to load a library or which time zone it is.
SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix/store", "gnu/store")
SETTINGS = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime")
DEVICES = ("null", "zero", "full", "random", "urandom")
ROOM = "/sandbox"  # the only place that can be written to
WATCH_SECONDS = 0.05
PAGE = resource.getpagesize()


class Refused(Exception):
    """The kernel did not allow a step, without which there is no isolation."""


def main() -> int:
    """Launch the keeper in new namespaces and wait for it."""
    report = int(sys.argv[1])
    spec = json.load(sys.stdin)
    parent = os.getppid()
    try:
        _new_namespaces()
    except (OSError, Refused) as error:
        _say(report, refused=str(error))
        return 1
    keeper = os.fork()
    if keeper == 0:
        try:
            _keep(spec, report)
        except (OSError, Refused) as error:
            _say(report, refused=str(error))
        os._exit(1)
    os.close(report)
    _die_with(parent)
    os.waitpid(keeper, 0)
    return 0


def _new_namespaces() -> None:
    """Leave the machine's users, files, processes, network, names and shared memory.

    Root is mapped to itself, to build the cage, and to nobody, who runs the command: the kernel counts no processes of
    root. Anybody else is mapped to one user without rights.
    """
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0:
        _call("unshare", LIBC.unshare(NEW_NAMESPACES))
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{INSIDE_ID} {uid} 1")
        _write("/proc/self/gid_map", f"{INSIDE_ID} {gid} 1")
        return
    ready, go = os.pipe()
    launcher = os.getpid()
    helper = os.fork()
    if helper == 0:  # only a process outside may map two users
        os.close(go)
        done = 1
        with contextlib.suppress(OSError):
            if os.read(ready, 1):
                for name in ("uid_map", "gid_map"):
                    _write(f"/proc/{launcher}/{name}", f"0 0 1\n{INSIDE_ID} {NOBODY} 1\n")
                done = 0
        os._exit(done)
    os.close(ready)
    made = LIBC.unshare(NEW_NAMESPACES)
    number = ctypes.get_errno()
    if made == 0:
        os.write(go, b"x")
    os.close(go)
    status = os.waitpid(helper, 0)[1]
    if made != 0:
        raise Refused(f"unshare: {os.strerror(number)}")
    if status != 0:
        raise Refused("mapping users into the new namespace")


def _keep(spec: dict[str, Any], report: int) -> NoReturn:
    """Build the cage, start the command, and watch it until it ends or breaks a limit."""
    _die_with(0)  # the launcher is outside, where its number is 0
    _call("prctl", LIBC.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))  # what runs below cannot look into this process
    os.setsid()
    _build(spec)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    child = os.fork()
    if child == 0:
        os.close(report)
        _become(spec)
    deadline = time.monotonic() + spec["seconds"]
    while True:
        signal.sigtimedwait({signal.SIGCHLD}, WATCH_SECONDS)
        ended = _reap(child, spec) or _watch(spec, deadline)
        if ended is not None:
            _say(report, **ended)
            os._exit(0)  # and the kernel kills all the others


def _reap(child: int, spec: dict[str, Any]) -> dict[str, Any] | None:
    """Collect what has ended; say how the command did, if it is among them."""
    while True:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == 0:
            return None
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            spent = usage.ru_utime + usage.ru_stime
            if code == -signal.SIGXCPU or (code == -signal.SIGKILL and spent >= spec["seconds"]):
                return {"ended": "timeout", "status": None}
            if code == -signal.SIGXFSZ:
                return {"ended": "disk", "status": None}
            return {"ended": "exited", "status": code}


def _watch(spec: dict[str, Any], deadline: float) -> dict[str, Any] | None:
    """Compare time, memory and processes with the limits: a limit per process bounds no crowd of them."""
    if time.monotonic() > deadline:
        return {"ended": "timeout", "status": None}
    pages, tasks = 0, 0
    for name in os.listdir("/proc"):
        if name.isdigit() and name != "1":
            try:
                with open(f"/proc/{name}/stat", "rb") as stream:
                    fields = stream.read().rpartition(b")")[2].split()
            except OSError:  # it has just ended
                continue
            tasks += int(fields[17])
            pages += int(fields[21])
    if pages * PAGE > spec["memory"]:
        return {"ended": "memory", "status": None}
    if tasks >= spec["processes"]:
        return {"ended": "processes", "status": None}
    return None


def _build(spec: dict[str, Any]) -> None:
    """Make a file system in memory that holds the program's libraries, read-only, and one small place to write in."""
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    _mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=4m,mode=755")
    os.mkdir("/tmp/old")
    os.chdir("/tmp")
    _call("pivot_root", LIBC.syscall(SYS_PIVOT_ROOT[os.uname().machine], b".", b"old"))
    os.chdir("/")
    for name in SYSTEM:
        _show(f"/{name}")
    os.mkdir("/etc")
    for name in SETTINGS:
        _show(f"/etc/{name}")
    _write("/etc/passwd", f"sandbox:x:{INSIDE_ID}:{INSIDE_ID}::{ROOM}/home:/bin/sh\n")
    _write("/etc/group", f"sandbox:x:{INSIDE_ID}:\n")
    os.mkdir("/dev")
    for name in DEVICES:
        _write(f"/dev/{name}", "")
        _mount(f"/old/dev/{name}", f"/dev/{name}", None, MS_BIND)
    os.symlink("/proc/self/fd", "/dev/fd")
    os.mkdir(ROOM)
    owner = f"uid={INSIDE_ID},gid={INSIDE_ID},mode=755,size={spec['disk']},nr_inodes=200000"
    _mount("tmpfs", ROOM, "tmpfs", MS_NOSUID | MS_NODEV, owner)
    for name, place in (("tmp", "/tmp"), ("shm", "/dev/shm")):
        _folder(f"{ROOM}/{name}")
        os.mkdir(place)
        _mount(f"{ROOM}/{name}", place, None, MS_BIND)
    for path in spec["readable"]:  # after /tmp, for it may lie there
        _show(path)
    os.mkdir("/proc")
    _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    with contextlib.suppress(OSError):  # one thing less to try for what runs here; the rest holds without it
        _write("/proc/sys/user/max_user_namespaces", "0")
    _folder(f"{ROOM}/home")
    _copy(f"/old{spec['tree']}" if spec["tree"] else None, f"{ROOM}/tree")
    for name, text in spec["files"].items():
        path = f"{ROOM}/tree/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _write(path, text)
    if spec["files"]:
        for folder, _, names in os.walk(f"{ROOM}/tree"):
            for path in (folder, *(os.path.join(folder, name) for name in names)):
                os.chown(path, INSIDE_ID, INSIDE_ID, follow_symlinks=False)
    _call("umount", LIBC.umount2(b"/old", MNT_DETACH))
    os.rmdir("/old")
    _protect("/", recursive=False)


def _show(path: str) -> None:
    """Put a file or folder of the machine at the same place in the cage, read-only; one that is missing is left out."""
    source = f"/old{path}"
    try:
        kind = os.lstat(source).st_mode
    except OSError:
        return
    if os.path.lexists(path):
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if stat.S_ISLNK(kind):
        os.symlink(os.readlink(source), path)
        return
    if stat.S_ISDIR(kind):
        os.mkdir(path)
    else:
        _write(path, "")
    _mount(source, path, None, MS_BIND | MS_REC)
    _protect(path, recursive=True)


def _copy(source: str | None, target: str) -> None:
    """Copy regular files, folders and links; what else may lie there is no part of a checkout."""
    _folder(target)
    if source is None:
        return
    with os.scandir(source) as entries:
        for entry in entries:
            path = f"{target}/{entry.name}"
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), path)
            elif entry.is_dir():
                _copy(entry.path, path)
            elif entry.is_file():
                shutil.copyfile(entry.path, path)
                os.chmod(path, stat.S_IMODE(entry.stat().st_mode) | stat.S_IRUSR | stat.S_IWUSR)
                os.chown(path, INSIDE_ID, INSIDE_ID)


def _folder(path: str) -> None:
    os.mkdir(path)
    os.chown(path, INSIDE_ID, INSIDE_ID)


def _become(spec: dict[str, Any]) -> NoReturn:
    """Give up every right, set the limits, and turn into the command."""
    try:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(INSIDE_ID, INSIDE_ID, INSIDE_ID)
            os.setresuid(INSIDE_ID, INSIDE_ID, INSIDE_ID)
        _call("prctl", LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        seconds = int(spec["seconds"]) + 1
        for limit, soft, hard in (
            (resource.RLIMIT_CPU, seconds, seconds + 1),
            (resource.RLIMIT_AS, spec["address_space"], spec["address_space"]),
            (resource.RLIMIT_FSIZE, spec["disk"], spec["disk"]),
            (resource.RLIMIT_NPROC, spec["processes"], spec["processes"]),
            (resource.RLIMIT_NOFILE, spec["open_files"], spec["open_files"]),
            (resource.RLIMIT_CORE, 0, 0),
        ):
            most = resource.getrlimit(limit)[1]
            fits = [each if most == resource.RLIM_INFINITY else min(each, most) for each in (soft, hard)]
            resource.setrlimit(limit, (fits[0], fits[1]))
        os.chdir(f"{ROOM}/tree")
        nothing = os.open("/dev/null", os.O_RDONLY)
        os.dup2(nothing, 0)
        os.closerange(3, 256)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and a child would inherit that
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        os.setsid()
        os.execvpe(spec["command"][0], spec["command"], spec["environment"])
    except (OSError, ValueError, Refused) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        os.write(2, f"{spec['command'][0]}: {reason}\n".encode())
    os._exit(127)


def _die_with(parent: int) -> None:
    """Ask the kernel to kill this process when the one that started it ends; it may have ended already."""
    _call("prctl", LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
    if os.getppid() != parent:
        os._exit(1)


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    words = [None if each is None else each.encode() for each in (source, target, kind, options)]
    _call(f"mount {target}", LIBC.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]))


def _protect(path: str, recursive: bool) -> None:
    attributes = (ctypes.c_uint64 * 4)(ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV, 0, 0, 0)
    flags = AT_RECURSIVE if recursive else 0
    done = LIBC.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, path.encode(), flags, ctypes.byref(attributes), 32)
    _call(f"making {path} read-only", done)


def _call(what: str, result: int) -> None:
    if result != 0:
        raise Refused(f"{what}: {os.strerror(ctypes.get_errno())}")


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)


def _say(report: int, **values: Any) -> None:
    os.write(report, json.dumps(values).encode())


if __name__ == "__main__":
    sys.exit(main())
