import { declareReasons, type ReasonGroup } from './reason-table.ts'

export const differences: ReasonGroup = {
  title: 'Servers that differ from their spec',
  intro:
    'The agent leaves the server as it is until the spec changes or an action is requested, unless the row says otherwise.',
}

export const differenceReasons = declareReasons({
  Rescued: {
    meaning: "The rescue system runs instead of the server's own disk.",
    httpStatus: 200,
    whatToDo: 'Create a ServerAction with `action: unrescue`. A changed `powerState` takes effect after that.',
  },
  RescueNotRunning: {
    meaning:
      'The rescue system has powered itself off, or someone has changed the power state of its domain on the host.',
    httpStatus: 200,
    whatToDo: 'Create a ServerAction with `action: unrescue`. After that another rescue can be requested.',
  },
  GuestShutdown: {
    meaning: 'The guest has powered itself off.',
    httpStatus: 200,
    whatToDo: 'Create a ServerAction with `action: start`, or set `powerState` to Stopped and back.',
  },
  GuestSleeps: {
    meaning:
      'The guest has suspended itself to RAM (ACPI S3), as an idle Windows does. It keeps its memory. `powerState` in the status is Suspended.',
    httpStatus: 200,
    whatToDo:
      'Create a ServerAction with `action: start`, which wakes it. Or set `powerState` to Paused and back to Running. If `powerState` is Paused or Suspended, set it to Running.',
  },
  ChangedOnHost: {
    meaning: 'Someone has changed the power state of the domain on its host, with virsh for example.',
    httpStatus: 200,
    whatToDo: 'Set `powerState` to another value and back.',
  },
  RestartDelayed: {
    meaning:
      'The domain ends by itself again and again. The agent starts it again, each time later, up to every five minutes (`--restart-delay-seconds`).',
    httpStatus: 200,
    whatToDo:
      "The console log, and libvirt's log of the domain, say why it ends; often the host has too little memory and kills QEMU. A ServerAction with `action: start` starts it at once.",
  },
  DiskIOError: {
    meaning: 'QEMU has paused the guest because it could not write to a disk.',
    httpStatus: 200,
    whatToDo: 'Make room on the disk of the host, then set `powerState` to Paused and back.',
  },
  HostDown: {
    meaning:
      'The agent of the host has stopped renewing its lease, or the host is forced down. The state of its servers is not known, and nothing is done to them.',
    httpStatus: 409,
    whatToDo: '[Take a host out](#take-a-host-out)',
  },
  HostRejected: {
    meaning: 'The host could not build the server, and has cleaned up.',
    httpStatus: 202,
    whatToDo: 'Nothing: the scheduler chooses another host. The message says why the host could not build it.',
  },
  DeletedWithoutHost: {
    meaning: 'The Server was deleted without its host. Only events have this reason.',
    httpStatus: 204,
    whatToDo: 'Nothing: the agent of the host cleans up when it is back.',
  },
})
