import { declareReasons, type ReasonGroup } from './reason-table.ts'

export const references: ReasonGroup = {
  title: 'References that cannot be resolved',
  intro: 'The object waits, and continues by itself when the other object exists or has changed.',
}

export const referenceReasons = declareReasons({
  FlavorNotFound: {
    meaning: 'There is no Flavor of the name in `spec.flavor`.',
    httpStatus: 400,
    whatToDo: 'Create the Flavor, or create the Server anew with the right name: the name cannot change.',
  },
  ImageNotFound: {
    meaning: 'There is no Image of the name in `spec.image`, or in a request to rescue.',
    httpStatus: 400,
    whatToDo: 'Create the Image, or create the Server or the request anew with the right name: the name cannot change.',
  },
  KeyPairNotFound: {
    meaning: 'There is no KeyPair of the name in `spec.keyName`.',
    httpStatus: 400,
    whatToDo: 'Create the KeyPair, or create the Server anew with the right name: the name cannot change.',
  },
  UserDataSecretNotFound: {
    meaning: 'There is no Secret of the name in `spec.userDataFrom` or `spec.injectedFrom`, or it has no such key.',
    httpStatus: 400,
    whatToDo:
      'Create the Secret with the type that the condition `Scheduled` says, or create the Server anew with the right name. A server that waits has its Secret read again after at most a minute; after five minutes it is in `error`, and still waits.',
  },
  UserDataSecretInvalid: {
    meaning:
      'The Secret in `spec.userDataFrom` or `spec.injectedFrom` has another type than it must have, its values are larger than 65,535 bytes or invalid, or it belongs to another server.',
    httpStatus: 400,
    whatToDo:
      'The condition `Scheduled` says what is wrong. Delete the Secret and create a right one; make user data that is too large fetch the rest.',
  },
  NetworkNotFound: {
    meaning: 'There is no Network of the name that the Server or Port gives.',
    httpStatus: 400,
    whatToDo: 'Create the Network, or create the Server or Port anew with the right name.',
  },
  PortNotFound: {
    meaning: 'There is no Port of the name in `spec.networks`.',
    httpStatus: 400,
    whatToDo: 'Create the Port, or create the Server anew with the right name.',
  },
  HostNotFound: {
    meaning: 'The HostAggregate names a Hypervisor that does not exist.',
    httpStatus: 404,
    whatToDo: 'Correct the name, or start the agent of that host.',
  },
  FlavorNotAllowed: {
    meaning: 'The Flavor is not public, and its `access` does not have the namespace of the Server.',
    httpStatus: 400,
    whatToDo: 'Choose another flavor, or ask an operator to add the namespace to `access`.',
  },
  ImageNotAllowed: {
    meaning: 'The Image is private to its namespace.',
    httpStatus: 400,
    whatToDo: 'Choose another image, or ask its owner to set `visibility: public`.',
  },
  NetworkNotAllowed: {
    meaning:
      'The Network is not shared with the namespace, or only its own namespace may choose such an address or MAC.',
    httpStatus: 403,
    whatToDo: 'Leave the address or MAC out, choose another network, or ask its owner to set `shared: true`.',
  },
  InvalidCpuTopology: {
    meaning:
      'The sockets, cores and threads that Flavor and Image ask for (`hw:cpu_*`, `hw_cpu_*`) contradict each other, or the virtual CPUs do not fit into their limits.',
    httpStatus: 400,
    whatToDo: 'Change the property or the extra spec that the message names; the server then continues by itself.',
  },
  FlavorMemoryTooSmall: {
    meaning: 'The Flavor has less memory than the Image needs.',
    httpStatus: 400,
    whatToDo: 'Create the Server anew with a larger flavor.',
  },
  FlavorDiskTooSmall: {
    meaning: 'The root disk of the Flavor is smaller than the Image needs.',
    httpStatus: 400,
    whatToDo: 'Create the Server anew with a flavor that has a larger disk.',
  },
  NoValidHost: {
    meaning: 'No host can take the server.',
    httpStatus: 500,
    whatToDo:
      'The message counts the hosts by what speaks against them. Free room, enable a host or add one: the server is then scheduled by itself. [More](placement.md)',
  },
  ReferenceTerminating: {
    meaning: 'The Network or Port that the object names is being deleted.',
    httpStatus: 409,
    whatToDo: 'Name another one.',
  },
  UUIDInUse: {
    meaning: 'Another Server, or a domain on the host that no Server owns, has the UUID of the Server.',
    httpStatus: 409,
    whatToDo:
      'Leave `spec.uuid` out, or remove the other one first. The agent never touches a domain that no Server owns.',
  },
  InvalidKeyPair: {
    meaning: 'The public key of the KeyPair cannot be read.',
    httpStatus: 400,
    whatToDo: 'Create another KeyPair from the `.pub` file, and the Server anew with its name.',
  },
  PortInUse: {
    meaning: 'Another Server uses the Port; or the Port is being deleted while a Server uses it.',
    httpStatus: 409,
    whatToDo: 'Name another Port, or delete the Server that the message names.',
  },
  PortNotReady: {
    meaning: 'The Port has no addresses yet.',
    httpStatus: 400,
    whatToDo: 'Wait a moment. If it lasts, see the condition `Ready` of the Port.',
  },
  AddressInUse: {
    meaning: 'Another Port has the IP address. On a Network: a server has the address that DHCP would answer from.',
    httpStatus: 400,
    whatToDo:
      'Ask for another address, or set `dhcpAddress` of the subnet to a free one; or delete the Port that the message names.',
  },
  MACInUse: {
    meaning: 'Another Port has the MAC address.',
    httpStatus: 409,
    whatToDo: 'Ask for another MAC address, or delete the Port that the message names.',
  },
  InvalidAddress: {
    meaning: 'The text is not an IP address.',
    httpStatus: 400,
    whatToDo: 'Correct the address.',
  },
  AddressOutsideSubnets: {
    meaning: 'The address is in none of the subnets of the Network.',
    httpStatus: 400,
    whatToDo: 'Ask for an address of a subnet, or give the Network the subnet that the address needs.',
  },
  AddressReserved: {
    meaning:
      'The address is the gateway, the DHCP address, the network address or the broadcast address of its subnet.',
    httpStatus: 400,
    whatToDo: 'Ask for another address.',
  },
  TooManyAddresses: {
    meaning: 'The Port asks for more than one address of a subnet.',
    httpStatus: 400,
    whatToDo: 'Ask for at most one address of each subnet.',
  },
  NoFreeAddress: {
    meaning: 'All addresses of the Network are in use.',
    httpStatus: 400,
    whatToDo: 'Delete ports that nobody needs, give the subnet more pools, or use another network.',
  },
  NoFreeMAC: {
    meaning: 'All MAC addresses that the Network may give are in use.',
    httpStatus: 500,
    whatToDo: 'Delete ports that nobody needs, or use another network.',
  },
  HostInOtherZone: {
    meaning: 'Another HostAggregate puts the host into another availability zone, and the host stays there.',
    httpStatus: 409,
    whatToDo: 'Take the host out of one of the two.',
  },
})
