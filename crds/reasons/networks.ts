import { declareReasons, type ReasonGroup } from './reason-table.ts'

export const networks: ReasonGroup = {
  title: 'Invalid networks, and networks in use',
  intro:
    'No new server and no new Port gets an address of the Network until the cause is resolved. Servers that have an address keep it.',
}

export const networkReasons = declareReasons({
  InvalidSubnet: {
    meaning: 'The `cidr` of a subnet is not a network address.',
    httpStatus: 400,
    whatToDo: 'Create another Network. The API server rejects such a subnet.',
  },
  PoolOutsideSubnet: {
    meaning: 'A pool is not within its subnet.',
    httpStatus: 400,
    whatToDo: 'Correct the pool. The API server rejects such a pool.',
  },
  PoolEndBeforeStart: {
    meaning: 'A pool ends before it starts.',
    httpStatus: 400,
    whatToDo: 'Correct the pool. The API server rejects such a pool.',
  },
  PoolsOverlap: {
    meaning: 'Two pools of a subnet overlap.',
    httpStatus: 409,
    whatToDo: 'Correct the pools. The API server rejects overlapping pools of IPv4; those of IPv6 it accepts.',
  },
  AddressInPool: {
    meaning: 'The gateway or the DHCP address lies in a pool, so that a server could get it.',
    httpStatus: 409,
    whatToDo: 'Leave the address out of the pools. The API server rejects such a subnet.',
  },
  AddressNotUsable: {
    meaning: 'The gateway or the DHCP address is the network address or the broadcast address of its subnet.',
    httpStatus: 400,
    whatToDo: 'Choose another address. The API server rejects such a subnet.',
  },
  DuplicateAddress: {
    meaning: 'The gateway and the DHCP address of a subnet are the same.',
    httpStatus: 400,
    whatToDo: 'Give DHCP an address of its own. The API server rejects such a subnet.',
  },
  NetworkTooSmall: {
    meaning:
      'The Network has no address left for servers beside its gateway, its DHCP address, resolvers and next hops of routes.',
    httpStatus: 400,
    whatToDo: 'Give the subnet larger pools, or create a larger Network.',
  },
  SubnetsOverlap: {
    meaning: 'Another Network gives the same addresses on the same bridge.',
    httpStatus: 409,
    whatToDo: 'Use that Network, or another range of addresses.',
  },
  NetworkInUse: {
    meaning: 'The Network is being deleted, and stays until its last Port is deleted.',
    httpStatus: 409,
    whatToDo: 'Delete the servers and ports that the message names.',
  },
})
