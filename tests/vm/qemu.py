# SPDX-License-Identifier: Apache-2.0
"""One guest: starts it, streams and watches it, judges what came out."""

import fcntl
import json
import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from kernels import without_foreign_races
from tap import Needs, SERVICES, Tap, test_name

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
OUT = TOP / "build" / "vm"
CACHE = Path(os.environ.get("CC_CACHE") or
             Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "container-crypt")

BOOT_SECONDS = 300          # from QEMU's start to the first test
KEPT_RUNS = 20

# What the kernel says when something is wrong, whatever the tests thought of it.
KERNEL_TROUBLE = re.compile(
    r"Oops|\bBUG:|kernel BUG at|WARNING: |general protection fault|Kernel panic|Call Trace:"
    r"|possible (circular|recursive) locking|inconsistent lock state|suspicious RCU"
    r"|blocked for more than|soft lockup|rcu: INFO|UBSAN:|KASAN:|kmemleak: (\d+ new|.*disabled)"
    r"|\bBUG \S+ \(|non-static key|locking correctness validator|pagealloc: memory corruption")
MARK = "container-crypt-test: "

print_lock = threading.Lock()


def say(text):
    with print_lock:
        print(text, flush=True)


class Slot:
    """At most so many guests on this host, whoever starts them."""

    number = int(os.environ.get("CC_GUESTS") or os.cpu_count() + 1)    # one of them often waits

    def __enter__(self):
        told = False
        while True:
            for n in range(self.number):
                self.file = open(CACHE / f"slot-{n}", "w")
                try:
                    fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return self
                except BlockingIOError:
                    self.file.close()
            if not told:
                say("  WAIT    for a free guest slot")
                told = True
            time.sleep(0.5)

    def __exit__(self, *_):
        self.file.close()


class Guest:
    """One boot: its needs, its directory, its QEMU, what came out of it."""

    def __init__(self, image, files, needs, options, link=(), luns=None):
        """link: sockets to another guest, network and control; luns: whose SCSI disks these are"""
        self.image = image
        self.link = link
        self.files = files
        self.needs = needs
        self.options = options
        self.kernel = options.kernel
        self.taps = []
        self.tap = None
        self.bad = []
        self.rest = []      # files whose turn did not come
        self.finished = self.hung = False
        self.emulator_crashed = ""    # why, when QEMU died or hung before the tests: no verdict on them
        self.ready = False
        self.dir = new_run_dir(test_name(files[0]) if files else "interactive")
        self.luns = luns or self.dir
        self.software = needs.software() and made("software", needs.software()) / "disk.ext4"

    # -- what goes in ------------------------------------------------------------------------

    def write_job(self):
        job = self.dir / "job"
        base = job / "opt" / "container-crypt"
        base.mkdir(parents=True)
        shutil.copy(HERE / "guest" / "init", base / "init")
        slow = self.kernel.slow
        plan = "\n".join(plan_line(f, slow) for f in self.files)
        services = " ".join(s for s in SERVICES if s in self.needs.services)
        mode = "interactive" if self.options.interactive else "tests"
        (base / "job").write_text(f"services={shlex.quote(services)}\nmode={mode}\n"
                                  f"slow={slow}\nplan={shlex.quote(plan)}\n")
        command = ["tar", "-cf", self.dir / "job.tar", "--owner=0", "--group=0",
                   "--exclude=tests/fuzz", "--exclude=__pycache__",
                   "--transform=s,^\\(tests\\|docs\\|README.md\\)\\b,opt/container-crypt/\\1,"]
        for stage in self.kernel.stages(OUT):
            command += ["-C", stage, "."]
        command += ["-C", job, ".", "-C", TOP, "tests"]
        command += [f for f in ("docs", "README.md") if (TOP / f).exists()]
        with open(OUT / "lock", "w") as lock:    # nobody replaces the stage under tar's hands
            fcntl.flock(lock, fcntl.LOCK_SH)
            subprocess.run(command, check=True)
        shutil.rmtree(job)

    def disk(self, name, size, where=None):
        path = (where or self.dir) / f"{name}.raw"
        with open(path, "ab") as f:
            f.truncate(size)
        return (f"file={path},format=raw,if=none,id={name},cache=unsafe,discard=unmap,"
                "file.locking=off")

    def counting(self):
        return self.options.icount or "icount" in self.needs.flags

    def qemu(self, serial_fd, tap_fd, alive_fd, qmp_fd):
        n = self.needs.numbers
        lsm = "security=selinux " if "selinux" in self.needs.flags else ""
        append = (f"{lsm}console=ttyS0 panic=-1 oops=panic nokaslr mitigations=off "
                  "random.trust_cpu=on nowatchdog net.ifnames=0 loglevel=5 log_buf_len=4M "
                  # a busy host may well let a virtual processor wait for longer than the usual 21 s
                  "rcupdate.rcu_cpu_stall_timeout=60 "
                  # as Debian's kernels are built: resize2fs writes to a mounted device
                  "bdev_allow_write_mounted=1 "
                  f"rootfstype=ext4 rw {self.kernel.root()}")
        root = self.kernel.disk(self.image / "root.ext4", self.dir)
        args = [self.image / "qemu", "-machine", "q35", "-m", n["mem"] + self.kernel.mib,
                "-nodefaults", "-nographic", "-no-reboot",
                "-kernel", self.kernel.image, "-append", append,
                "-device", "virtio-rng-pci",
                "-drive", f"{root},if=none,id=root,snapshot=on",
                "-device", "nvme,drive=root,serial=root",
                "-drive", f"file={self.dir}/job.tar,format=raw,if=none,id=job,snapshot=on",
                "-device", "virtio-blk-pci,drive=job,serial=job",
                "-chardev", f"file,id=out,path={self.dir}/results.tar",
                "-chardev", f"socket,id=tap,fd={tap_fd}",
                "-chardev", f"socket,id=alive,fd={alive_fd}",
                "-chardev", f"socket,id=qmp,fd={qmp_fd}", "-mon", "chardev=qmp,mode=control",
                "-device", "virtio-serial-pci",
                "-device", "virtserialport,chardev=out,name=out",
                "-device", "virtserialport,chardev=tap,name=tap",
                "-device", "virtserialport,chardev=alive,name=alive"]
        if self.counting():
            args += ["-smp", 1, "-cpu", "max", "-accel", "tcg,thread=single",
                     "-icount", "shift=0,sleep=off", "-rtc", "base=2024-01-01,clock=vm"]
        elif kvm_works(self.image):
            args += ["-smp", n["smp"], "-cpu", "host", "-accel", "kvm"]
        else:
            args += ["-smp", n["smp"], "-cpu", "max", "-accel", "tcg,thread=multi,tb-size=512"]
        if serial_fd is None:
            args += ["-serial", "mon:stdio"]
        else:
            args += ["-chardev", f"socket,id=serial,fd={serial_fd}", "-serial", "chardev:serial"]
        if n["scsi"]:
            args += ["-device", "virtio-scsi-pci,id=scsi"]
        for i in range(n["scsi"]):
            args += ["-drive", self.disk(f"lun{i}", 256 << 20, self.luns), "-device",
                     f"scsi-hd,bus=scsi.0,lun={i},drive=lun{i},serial=lun{i},device_id=lun{i}"]
        if self.link:
            lan, control = self.link
            args += ["-netdev", f"socket,id=lan,fd={lan.fileno()}",
                     "-device", f"virtio-net-pci,netdev=lan,mac=52:54:00:00:00:0{1 + (self.luns != self.dir)}",
                     "-chardev", f"socket,id=peer,fd={control.fileno()}",
                     "-device", "virtserialport,chardev=peer,name=peer"]
        for i in range(n["disks"]):
            args += ["-drive", self.disk(f"disk{i}", 256 << 20), "-device",
                     f"virtio-blk-pci,drive=disk{i},serial=disk{i}"]
        if self.software:
            args += ["-drive", f"file={self.software},format=raw,if=none,id=software,readonly=on,file.locking=off",
                     "-device", "virtio-blk-pci,drive=software,serial=software"]
        return [str(a) for a in args]

    # -- running -----------------------------------------------------------------------------

    def interact(self):
        self.write_job()
        ends = [socket.socketpair() for _ in range(3)]
        fds = [theirs.fileno() for _, theirs in ends]
        subprocess.run(self.qemu(None, *fds), pass_fds=fds, env=self.environment())
        self.clean()

    def environment(self):
        return dict(os.environ, TMPDIR=str(self.dir))

    def run(self):
        self.write_job()
        pairs = [socket.socketpair() for _ in range(4)]
        self.serial, self.tap_port, self.alive, self.qmp = (ours for ours, _ in pairs)
        fds = [theirs.fileno() for _, theirs in pairs]
        log = open(self.dir / "qemu.log", "wb")
        # a guest never outlives its runner
        command = ["setpriv", "--pdeathsig", "KILL", *self.qemu(*fds)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   pass_fds=fds + [s.fileno() for s in self.link],
                                   env=self.environment())
        for theirs in [theirs for _, theirs in pairs] + list(self.link):
            theirs.close()
        try:
            self.watch(process)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
        if process.returncode in (-signal.SIGABRT, -signal.SIGSEGV) and not self.hung:
            self.emulator_crashed = self.console_tail()[-1]
        self.judge()
        self.clean()

    def watch(self, process):
        """Streams until QEMU is gone; ends it when it is late or shows no sign of life."""
        console = open(self.dir / "console.log", "wb")
        pending = b""
        # counted instructions make a slow clock in the guest
        slow = self.kernel.slow * (10 if self.counting() else 1)
        total = slow * (BOOT_SECONDS + sum(Needs(f).numbers["timeout"] + 30 for f in self.files))
        quiet = slow * BOOT_SECONDS
        start = heard = time.monotonic()
        ports = {self.serial, self.tap_port, self.alive}
        while ports:
            ready, _, _ = select.select(list(ports), [], [], 1)
            now = time.monotonic()
            for port in ready:
                data = port.recv(65536)
                if not data:
                    ports.discard(port)
                elif port is self.serial:
                    console.write(data)
                    console.flush()
                elif port is self.alive:
                    heard, quiet = now, slow * self.needs.numbers["silence"]
                else:
                    *lines, pending = (pending + data).split(b"\n")
                    for line in lines:
                        self.line(line.decode(errors="replace"))
            if now - heard > quiet:
                self.hang(console, f"without a sign of life for {quiet} s")
                return
            if now - start > total:
                self.hang(console, f"over its {total} s")
                return
        console.close()
        # QEMU closes its sockets before it exits; it has nothing left to wait for
        process.wait(timeout=30)

    def line(self, text):
        text = text.rstrip("\r")
        if not text.startswith("@@ "):
            if self.tap:
                self.tap.line(text)
            self.show(text)
            return
        word, _, rest = text[3:].partition(" ")
        if word == "start":
            self.tap = Tap(test_name(rest))
            self.tap.log = open(self.dir / f"{self.tap.name.replace('/', '-')}.tap", "w")
            self.taps.append(self.tap)
        elif word == "end":
            self.tap.end(int(rest.split()[0]), plain=self.options.demo)
            self.tap = None
        elif word == "left":
            self.tap.left.append(rest)
            say(f"{self.tap.name}: left {rest}")
        elif word == "idle":
            self.tap.idle = int(rest)
        elif word == "core":
            self.tap.fail(f"left a core file: results/core/{rest}")
        elif word == "ready":
            self.ready = True
            if not self.options.demo:
                say(f"  GUEST   {self.dir.name}: ready after {rest} s"
                    f" ({self.needs.numbers['smp']} cpu, {' '.join(sorted(self.needs.services))})")
        elif word == "done":
            self.finished = True
            if rest != "0":
                self.bad.append("the guest could not run all of its tests")

    def show(self, text):
        if self.tap:
            self.tap.log.write(text + "\n")
            self.tap.log.flush()
        if self.options.demo:
            say(text)
        elif self.options.verbose or not re.match(r"ok |1\.\.", text):
            say(f"{self.tap.name if self.tap else self.dir.name}: {text}")

    def hang(self, console, why):
        """Says where the guest hung, with the kernel's view of it in console.log."""
        where = f"in {self.tap.name} after: {self.tap.last}" if self.tap else "outside a test"
        self.bad.append(f"the guest was {why}, {where}")
        self.hung = True
        if not self.ready:
            self.emulator_crashed = "it did not come up"
        self.monitor("qmp_capabilities")
        for key in b"9wl":
            self.monitor("chardev-send-break", id="serial")
            self.serial.send(bytes([key]))
            while select.select([self.serial], [], [], 3)[0]:
                if not (data := self.serial.recv(65536)):
                    break
                console.write(data)
        console.close()

    def monitor(self, command, **arguments):
        """A QMP command; waits for its answer, as what follows may depend on it."""
        self.qmp.settimeout(2)
        try:
            self.qmp.send(json.dumps({"execute": command, "arguments": arguments}).encode())
            while b'"return"' not in (data := self.qmp.recv(65536)) and b'"error"' not in data:
                pass
        except OSError:
            pass

    # -- judging -----------------------------------------------------------------------------

    def judge(self):
        if self.tap and not self.hung:
            self.tap.fail(f"the guest ended in the middle, after: {self.tap.last}")
        if not self.finished and not self.hung:
            self.bad.append("the guest ended before its tests did")
            self.bad += [f"  {line}" for line in self.console_tail()]
        started = {t.name for t in self.taps}
        self.rest = [f for f in self.files if test_name(f) not in started]
        if not started or self.link:
            self.bad += [f"{test_name(f)}: did not run" for f in self.rest]
        results = self.dir / "results"
        results.mkdir()
        unpack = subprocess.run(["tar", "-xf", self.dir / "results.tar", "-C", results],
                                stderr=subprocess.DEVNULL)
        if self.finished and unpack.returncode:
            self.bad.append("the guest's results cannot be read")
        where, trouble = "boot", []
        logs = [results / "dmesg", self.dir / "console.log"]
        log = next((p for p in logs if p.exists()), logs[1])
        for line in without_foreign_races(log.read_text(errors="replace")).splitlines():
            if MARK in line:
                where = test_name(line.split(MARK)[1])
            elif KERNEL_TROUBLE.search(line) and not self.hung:
                trouble.append(f"kernel, in {where}: {line}")
        self.bad += trouble[:20]

    def console_tail(self):
        text = (self.dir / "console.log").read_text(errors="replace").splitlines()
        return text[-15:] + (self.dir / "qemu.log").read_text(errors="replace").splitlines()[-5:]

    def failures(self):
        return self.bad + [b for t in self.taps for b in t.bad]

    def clean(self):
        if not self.options.keep:
            for pattern in ("*.raw", "*.vmdk", "job.tar", "results.tar", "vl.*"):
                for path in self.dir.glob(pattern):
                    path.unlink()


def made(recipe, name):
    """The directory of what a recipe beside this file makes, or has made."""
    return Path(subprocess.run([HERE / recipe, name], check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


def plan_line(path, slow):
    """What init is told of a test file: seconds, whether others share its guest, path."""
    needs = Needs(path)
    shared = "yes" if "shared" in needs.flags else "no"
    return f"{slow * needs.numbers['timeout']} {shared} /opt/container-crypt/{path.relative_to(TOP)}"


def new_run_dir(test):
    runs = OUT / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    old = sorted(runs.iterdir(), key=lambda p: p.stat().st_mtime)
    for path in old[:-KEPT_RUNS]:
        if time.time() - path.stat().st_mtime > 3600:
            shutil.rmtree(path, ignore_errors=True)
    for n in range(1000):
        path = runs / f"{time.strftime('%m%d-%H%M%S')}-{test.replace('/', '-')}{f'.{n}' if n else ''}"
        try:
            path.mkdir()
            return path
        except FileExistsError:
            continue
    sys.exit(f"{runs}: cannot make a directory")


def kvm_works(image):
    """A /dev/kvm that exists need not run a kernel: boot one, once for this host and kernel."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    note = CACHE / f"kvm-{os.uname().nodename}-{os.uname().release}"
    if not note.exists():
        command = [image / "qemu", "-machine", "q35", "-accel", "kvm", "-cpu", "host", "-m", "512",
                   "-nodefaults", "-nographic", "-no-reboot", "-serial", "stdio",
                   "-kernel", image / "kernel", "-append", "console=ttyS0 panic=-1"]
        try:
            # without a root file system a kernel that runs at all ends in this panic
            output = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, timeout=20).stdout
        except subprocess.TimeoutExpired as e:
            output = e.stdout or b""
        note.write_text("yes" if b"Unable to mount root fs" in output else "no")
    return note.read_text() == "yes"
