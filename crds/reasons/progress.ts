/** The reasons that report success or progress. */
import { declareReasons, type ReasonGroup } from './reason-table.ts'

export const progress: ReasonGroup = {
  title: 'Success and progress',
  intro: 'Nothing is wrong. The message of the condition has the details.',
}

export const progressReasons = declareReasons({
  Pending: {
    meaning: 'The object is new, and no controller has seen it yet.',
    httpStatus: 202,
    whatToDo: 'Wait. If it stays, see that the controller runs.',
  },
  Accepted: {
    meaning: 'Admission has accepted the requested action.',
    httpStatus: 202,
    whatToDo: "Nothing: the agent of the server's host runs the action.",
  },
  Succeeded: {
    meaning: 'The action has ended without an error.',
    httpStatus: 200,
    whatToDo: 'Nothing.',
  },
  Allocated: {
    meaning: 'The Port has its MAC address and its fixed IP addresses.',
    httpStatus: 200,
    whatToDo: 'Nothing.',
  },
  Bound: {
    meaning: 'The Port is used by the Server that the message names.',
    httpStatus: 200,
    whatToDo: 'Nothing.',
  },
  Connected: {
    meaning: 'The agent is connected to libvirt on its host.',
    httpStatus: 200,
    whatToDo: 'Nothing.',
  },
  Placed: {
    meaning: 'The scheduler has assigned the Server to the host that the message names.',
    httpStatus: 202,
    whatToDo: 'Nothing: the agent of the host builds the server.',
  },
  Valid: {
    meaning: 'The object can be used.',
    httpStatus: 200,
    whatToDo: 'Nothing.',
  },
  Running: {
    meaning: 'The server is running, as `spec.powerState` asks.',
    httpStatus: 200,
    whatToDo: 'Nothing.',
  },
  Stopped: {
    meaning: 'The server is stopped, as `spec.powerState` asks.',
    httpStatus: 200,
    whatToDo: 'Nothing.',
  },
  Paused: {
    meaning: 'The server is paused, as `spec.powerState` asks.',
    httpStatus: 200,
    whatToDo: 'Nothing.',
  },
  Suspended: {
    meaning: 'The memory of the server is saved to disk, as `spec.powerState` asks.',
    httpStatus: 200,
    whatToDo: 'Nothing.',
  },
  Building: {
    meaning: 'The agent is building the server.',
    httpStatus: 202,
    whatToDo: 'Wait. The message has the progress; a first download of an image takes longest.',
  },
  Deleting: {
    meaning: 'The agent is deleting the server.',
    httpStatus: 204,
    whatToDo: 'Wait.',
  },
  Rebooting: {
    meaning: 'The agent is rebooting the server.',
    httpStatus: 202,
    whatToDo: 'Wait.',
  },
  Rescuing: {
    meaning: 'The agent is booting the rescue system.',
    httpStatus: 202,
    whatToDo: 'Wait.',
  },
  Unrescuing: {
    meaning: 'The agent is booting the server from its own disk again.',
    httpStatus: 202,
    whatToDo: 'Wait.',
  },
  UpdatingPassword: {
    meaning: 'The agent is setting a password in the guest.',
    httpStatus: 202,
    whatToDo: 'Wait.',
  },
  PowerChanging: {
    meaning: 'The agent is changing the power state of the server.',
    httpStatus: 202,
    whatToDo: 'Wait.',
  },
})
