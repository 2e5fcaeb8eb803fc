# libvirt-python (libvirt's own client, in C) as a client of the bench. Arguments: libvirtd's socket, UUID of a domain, and
# `loop` for a process that takes events: with libvirt's event loop registered all calls are slower, so others do without.
import json
import resource
import sys
import threading
import time

import libvirt

path, uuid = sys.argv[1:3]
if len(sys.argv) > 3:
    libvirt.virEventRegisterDefaultImpl()

    def loop():
        while True:
            libvirt.virEventRunDefaultImpl()

    threading.Thread(target=loop, daemon=True).start()

connection = libvirt.open(f"qemu+unix:///system?socket={path}")
domain = connection.lookupByUUIDString(uuid)
calls = {
    "version": connection.getLibVersion,
    "lookup": lambda: connection.lookupByUUIDString(uuid),
    "info": domain.info,
    "capabilities": connection.getCapabilities,
    "dumpxml": domain.XMLDesc,
    "list": connection.listAllDomains,
    "stats": connection.getAllDomainStats,
}
test = None
events = 0


def measured(body):
    times = []
    before = resource.getrusage(resource.RUSAGE_SELF)
    begin = time.perf_counter()
    body(times)
    seconds = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1e6
    return {"seconds": seconds, "cpu": cpu, "times": times}


def run_threads(inflight, one):
    """As many threads as calls shall be under way; one alone needs none."""
    if inflight == 1:
        return measured(one)
    start = threading.Event()
    parts = []

    def body():
        times = []
        start.wait()
        one(times)
        parts.append(times)

    threads = [threading.Thread(target=body) for _ in range(inflight)]
    for thread in threads:
        thread.start()

    def together(times):
        start.set()
        for thread in threads:
            thread.join()
        for part in parts:
            times.extend(part)

    return measured(together)


def run_calls(name, count, inflight):
    call, clock = calls[name], time.perf_counter

    def one(times):
        for _ in range(count // inflight):
            begin = clock()
            call()
            times.append(round((clock() - begin) * 1e6, 1))

    return run_threads(inflight, one)


def listen(_times):
    global test, events
    if test is None:
        test = libvirt.open(f"test+unix:///default?socket={path}")

        def came(*_):
            global events
            events += 1

        test.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, came, None)
    events = 0


def run_events(count, inflight):
    def one(times):
        while events < count:
            times.append(test.getLibVersion())

    return run_threads(inflight, one)


def transfer(task, length):
    volume = connection.storagePoolLookupByName("bench").storageVolLookupByName("bench")
    chunk = b"x" * 262120

    def body(_times):
        stream = connection.newStream()
        left = length
        if task == "download":
            volume.download(stream, 0, length)
            while True:
                got = len(stream.recv(262120))
                if got == 0:
                    break
                left -= got
        else:
            volume.upload(stream, 0, length)
            while left > 0:
                left -= stream.send(chunk[:left] if left < len(chunk) else chunk)
        stream.finish()
        if left != 0:
            raise RuntimeError(f"{left} bytes too few")

    return measured(body)


tasks = {
    "calls": lambda t: run_calls(t["call"], t["count"], t["inflight"]),
    "listen": lambda _: measured(listen),
    "events": lambda t: run_events(t["count"], t["inflight"]),
    "download": lambda t: transfer("download", t["bytes"]),
    "upload": lambda t: transfer("upload", t["bytes"]),
}

print('{"ready":true}', flush=True)
for line in sys.stdin:
    task = json.loads(line)
    print(json.dumps(tasks[task["task"]](task)), flush=True)
