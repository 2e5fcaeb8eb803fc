/** The reasons that concern a host. */
import { declareReasons, type ReasonGroup } from './reason-table.ts'

export const hosts: ReasonGroup = {
  title: 'Hosts',
  intro:
    'The agent tries again with growing delays, `--max-attempts` times. After that the server gets a fault; of a creation the scheduler tries the next host. A server that was running before (its QEMU was killed, or its host has restarted) is tried until it works, at least once a minute.',
}

export const hostReasons = declareReasons({
  LibvirtUnreachable: {
    meaning:
      'libvirtd on the host has not answered for ten seconds or more. The host is not Ready and gets no servers; running guests are not affected. Actions wait, but a creation that has not begun goes to another host.',
    httpStatus: 503,
    whatToDo: 'Start libvirtd; its log says why it ended. The agent then continues by itself.',
  },
  EmulatorMissing: {
    meaning: 'libvirt finds no QEMU for the architecture of the host. The host is not Ready and gets no servers.',
    httpStatus: 500,
    whatToDo: 'Install QEMU on the host and restart libvirtd. The agent then continues by itself.',
  },
  KvmMissing: {
    meaning:
      'The agent’s option `domainType` is `kvm`, but libvirt offers no KVM. The host is not Ready and gets no servers.',
    httpStatus: 500,
    whatToDo:
      'Load the kernel’s module for KVM and let QEMU’s user open `/dev/kvm`, then restart libvirtd; or set `domainType` to `auto`, which allows emulation.',
  },
  UserDataNotDelivered: {
    meaning:
      'The user data from the Secret in `spec.userDataFrom` has not reached the host, or the host cannot decrypt it.',
    httpStatus: 503,
    whatToDo:
      'Wait: the controller sends it again. If it lasts, see that the Secret still exists, with the key that `spec.userDataFrom` names, and create it again if not. Then see that the controller runs, and that `crds/access` is applied.',
  },
  LibvirtError: {
    meaning: 'libvirt has answered with an error.',
    httpStatus: 500,
    whatToDo: 'See the message and the log of libvirtd.',
  },
  LibvirtBusy: {
    meaning: 'libvirt is busy with the domain: it starts it or saves its memory, for example.',
    httpStatus: 503,
    whatToDo:
      'Wait. If it lasts, QEMU hangs: end its process. If a requested action has failed with it, request that again.',
  },
  DiskFull: {
    meaning:
      'The file system of the host is full, or an image would take what `--image-min-free-gib` keeps for the disks of guests.',
    httpStatus: 500,
    whatToDo: 'Make room on the host. If it comes again, raise `spec.reserved` of the Hypervisor.',
  },
  OutOfMemory: {
    meaning: 'The host has no memory left for the server.',
    httpStatus: 500,
    whatToDo: 'Free memory on the host. If it comes again, raise `spec.reserved` of the Hypervisor.',
  },
  DiskMissing: {
    meaning:
      'A disk of a server that has run before is not in its directory. The agent puts no empty disk in its place.',
    httpStatus: 500,
    whatToDo:
      'Make sure that the file system of `--state-dir` is mounted, or restore the disk. If the file is on the host, its directory may not be mounted in the agent’s Pod ([disks](virsh.md#disks)).',
  },
  DiskUnusable: {
    meaning:
      "The domain's definition names something as a disk of the server that the server cannot be booted from. The agent starts no other layer in its place.",
    httpStatus: 500,
    whatToDo: '[What virsh does to disks](virsh.md#disks)',
  },
  DiskLayersConflict: {
    meaning:
      'There is a newer layer on the disk that the server would boot from, with data that the guest wrote. The agent does not boot the older one.',
    httpStatus: 500,
    whatToDo: '[What virsh does to disks](virsh.md#disks)',
  },
  DiskCreateFailed: {
    meaning: 'A disk of the server could not be created.',
    httpStatus: 500,
    whatToDo: 'The message has the output of `qemu-img`. See the disk of the host and the rights of its directories.',
  },
  LockFailed: {
    meaning: 'The agent could not lock a file of its state directory.',
    httpStatus: 500,
    whatToDo: 'See the disk of the host and the rights of its directories.',
  },
  CommandMissing: {
    meaning: 'A program that the agent needs cannot be run on the host.',
    httpStatus: 500,
    whatToDo: 'Install it: [Install](install.md) has the list.',
  },
  CommandFailed: {
    meaning: 'A program that the agent runs has ended with an error.',
    httpStatus: 500,
    whatToDo: 'The message has the output of the program: `ip`, `nft`, `dnsmasq` or `qemu-img`.',
  },
  CommandTimeout: {
    meaning: 'A program that the agent runs has not ended in time.',
    httpStatus: 500,
    whatToDo: 'See what the program waits for on the host; the message names it.',
  },
  BridgeMissing: {
    meaning: 'The host does not have the bridge of the Network.',
    httpStatus: 500,
    whatToDo: 'Create the bridge on the host.',
  },
  BridgeDown: {
    meaning: 'The bridge of the Network is down on the host.',
    httpStatus: 500,
    whatToDo: 'Set the bridge up on the host.',
  },
  BridgeNameTaken: {
    meaning: 'A device of the host that is no bridge has the name that the Network needs.',
    httpStatus: 500,
    whatToDo: 'Rename or remove that device.',
  },
  MtuTooSmall: {
    meaning: 'A device of the host has a smaller MTU than the Network.',
    httpStatus: 500,
    whatToDo: 'Raise the MTU of the device, or create the Network with a smaller one.',
  },
  UplinkMissing: {
    meaning: 'The host does not have the uplink device of the Network.',
    httpStatus: 500,
    whatToDo: 'Add the device, or create the Network with another uplink.',
  },
  UplinkBusy: {
    meaning: 'The uplink of the Network is a port of another bridge.',
    httpStatus: 500,
    whatToDo: 'Remove the device from the other bridge, or give the Network a device of its own.',
  },
  UplinkHasAddress: {
    meaning: 'The uplink of the Network has an IP address on the host.',
    httpStatus: 500,
    whatToDo: 'Remove the address, or give the Network a device of its own.',
  },
  DhcpStuck: {
    meaning: 'A `dnsmasq` process of the network has not ended after SIGKILL.',
    httpStatus: 500,
    whatToDo: 'See the process on the host and end it; the agent starts another.',
  },
  DhcpUnreachable: {
    meaning: 'The agent cannot signal a `dnsmasq` process of the network.',
    httpStatus: 500,
    whatToDo: 'See the process on the host and end it; the agent starts another.',
  },
  ConsoleLogChanged: {
    meaning: 'The console log changed while the agent rotated it. Only the log of the agent has this reason.',
    httpStatus: 500,
    whatToDo: 'Nothing: the agent tries again.',
  },
  ConsoleLogNotRotatable: {
    meaning:
      'The file system of the console logs cannot have holes, so the agent cannot rotate them. Only the log of the agent has this reason.',
    httpStatus: 500,
    whatToDo: 'Put `--state-dir` on ext4 or xfs.',
  },
  WrongStateDirectory: {
    meaning: 'The state directory belongs to another host or another cluster, so the agent does not start.',
    httpStatus: 500,
    whatToDo: 'Give the agent its own `--state-dir`. [Why](../adr/0007-orphans-grace-and-identity.md)',
  },
  AgentTooOld: {
    meaning:
      'The agent is more than one minor version older than the controller. Its guests run on, and no server is placed on its host.',
    httpStatus: 503,
    whatToDo: 'Upgrade the agent. [Upgrade](install.md#upgrade)',
  },
  AgentTooNew: {
    meaning:
      'The agent is more than one minor version newer than the controller. Its guests run on, and no server is placed on its host.',
    httpStatus: 503,
    whatToDo: 'Upgrade the controller. [Upgrade](install.md#upgrade)',
  },
  DefinitionsOutdated: {
    meaning:
      'A CustomResourceDefinition is missing or older than the program, so the program does not start. Only logs have this reason.',
    httpStatus: 503,
    whatToDo: 'Apply the definitions, then start the program. [Upgrade](install.md#upgrade)',
  },
  AgentStopping: {
    meaning: 'The agent is stopping.',
    httpStatus: 503,
    whatToDo: 'Nothing: the agent continues when it runs again.',
  },
  Interrupted: {
    meaning:
      'The action was interrupted by an error or by a restart of the agent, and by then the server needed another one. Only action records have this reason.',
    httpStatus: 409,
    whatToDo: 'Nothing: the agent does what `spec.powerState` asks for.',
  },
  ObjectChanged: {
    meaning:
      'The object was created anew, has moved to another host, or changed too often while the agent wrote its status.',
    httpStatus: 409,
    whatToDo: 'Nothing: the agent tries again with the newest version.',
  },
  Unexpected: {
    meaning: 'An error that has no reason of its own.',
    httpStatus: 500,
    whatToDo: 'The message and the log of the agent have the cause. Report it as a bug.',
  },
})
