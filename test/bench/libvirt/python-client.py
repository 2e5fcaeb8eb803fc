# Runs libvirt-python, which is libvirt's own client in C, as a client of the benchmark. Arguments: the socket of
# libvirtd, the UUID of a domain, and `loop` if the process is to receive events. Only with `loop` does the process
# register libvirt's event loop, because that loop slows all calls down.
import json
import resource
import sys
import threading
import time

import libvirt

path, uuid = sys.argv[1:3]
if len(sys.argv) > 3:
    libvirt.virEventRegisterDefaultImpl()

    def run_event_loop():
        while True:
            libvirt.virEventRunDefaultImpl()

    threading.Thread(target=run_event_loop, daemon=True).start()

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
test_connection = None
events = 0


def measure_cost(body):
    times = []
    before = resource.getrusage(resource.RUSAGE_SELF)
    begin = time.perf_counter()
    body(times)
    seconds = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1e6
    return {"seconds": seconds, "cpu": cpu, "times": times}


def run_threads(inflight, call_repeatedly):
    """Runs `call_repeatedly` in `inflight` threads, or without a new thread if `inflight` is 1."""
    if inflight == 1:
        return measure_cost(call_repeatedly)
    start = threading.Event()
    times_of_threads = []

    def body():
        times = []
        start.wait()
        call_repeatedly(times)
        times_of_threads.append(times)

    threads = [threading.Thread(target=body) for _ in range(inflight)]
    for thread in threads:
        thread.start()

    def run_all(times):
        start.set()
        for thread in threads:
            thread.join()
        for thread_times in times_of_threads:
            times.extend(thread_times)

    return measure_cost(run_all)


def run_calls(name, count, inflight):
    call, clock = calls[name], time.perf_counter

    def call_repeatedly(times):
        for _ in range(count // inflight):
            begin = clock()
            call()
            times.append(round((clock() - begin) * 1e6, 1))

    return run_threads(inflight, call_repeatedly)


def start_listening(_times):
    global test_connection, events
    if test_connection is None:
        test_connection = libvirt.open(f"test+unix:///default?socket={path}")

        def count_event(*_):
            global events
            events += 1

        test_connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, count_event, None)
    events = 0


def run_events(count, inflight):
    def call_repeatedly(times):
        while events < count:
            times.append(test_connection.getLibVersion())

    return run_threads(inflight, call_repeatedly)


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

    return measure_cost(body)


tasks = {
    "calls": lambda t: run_calls(t["call"], t["count"], t["inflight"]),
    "listen": lambda _: measure_cost(start_listening),
    "events": lambda t: run_events(t["count"], t["inflight"]),
    "download": lambda t: transfer("download", t["bytes"]),
    "upload": lambda t: transfer("upload", t["bytes"]),
}

print('{"ready":true}', flush=True)
for line in sys.stdin:
    task = json.loads(line)
    print(json.dumps(tasks[task["task"]](task)), flush=True)
