import { declareReasons, type ReasonGroup } from './reason-table.ts'

export const requests: ReasonGroup = {
  title: 'Rejected actions',
  intro: 'Nothing was done and nothing is queued: resolve the cause, then create another ServerAction.',
}

export const requestReasons = declareReasons({
  ServerNotFound: {
    meaning: 'The namespace of the ServerAction has no Server of the name in `spec.server`.',
    httpStatus: 404,
    whatToDo: 'Correct the name or the namespace.',
  },
  ServerTerminating: {
    meaning: 'The Server is being deleted.',
    httpStatus: 409,
    whatToDo: 'Nothing: a server that is being deleted accepts no action.',
  },
  ServerLocked: {
    meaning: 'The Server is locked by `spec.locked`.',
    httpStatus: 409,
    whatToDo: 'Set `spec.locked` to false first.',
  },
  ActionUnderWay: {
    meaning: 'Another action is running on the server.',
    httpStatus: 409,
    whatToDo: 'Wait until the action that the message names has ended.',
  },
  InvalidState: {
    meaning: 'The action is not allowed in the present state of the server.',
    httpStatus: 409,
    whatToDo: 'The message has the states in which the action is allowed.',
  },
  InvalidParameters: {
    meaning: 'The parameters of the action do not match its schema.',
    httpStatus: 400,
    whatToDo: '`kubectl explain serveraction.spec` has the parameters.',
  },
  NotScheduled: {
    meaning: 'The action needs a server with a host, and this one has none yet.',
    httpStatus: 409,
    whatToDo: 'See the condition `Scheduled` of the Server.',
  },
  SecretNotFound: {
    meaning: 'The namespace of the ServerAction or of the Image has no such Secret, or the Secret has no such key.',
    httpStatus: 400,
    whatToDo: 'Create the Secret that the message names.',
  },
  SecretForbidden: {
    meaning: 'The controller has no right to read the Secret.',
    httpStatus: 500,
    whatToDo: 'Apply the ClusterRole of the controller and its binding (`crds/access/controller.yaml`) again.',
  },
  SecretInvalid: {
    meaning:
      'The Secret is not of the type `compute.kubenova.io/password`, or for an Image `compute.kubenova.io/image-credentials`, or its values cannot be used.',
    httpStatus: 400,
    whatToDo: 'Create a Secret of this type, with the values that the message asks for.',
  },
  SealingKeyMissing: {
    meaning:
      'The agent of the host has not published a key to which the controller can seal a password, user data or the credentials of an Image.',
    httpStatus: 409,
    whatToDo: 'Update the agent, or wait until it has started: `status.sealingKey` of the Hypervisor has the key.',
  },
  NotRequestable: {
    meaning: 'The action cannot be requested by a ServerAction.',
    httpStatus: 400,
    whatToDo: 'Change the spec of the Server instead.',
  },
  ConflictsWithPowerState: {
    meaning: 'The action would start a server whose `spec.powerState` is not Running.',
    httpStatus: 409,
    whatToDo:
      'Set `spec.powerState` to Running. In `vmState` error, `start` is accepted whatever `spec.powerState` is.',
  },
})
