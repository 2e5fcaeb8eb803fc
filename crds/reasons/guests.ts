import { declareReasons, type ReasonGroup } from './reason-table.ts'

export const guests: ReasonGroup = {
  title: 'Requests to guests',
  intro:
    'The requested action has failed. The server stays as it is; resolve the cause, then create another ServerAction.',
}

export const guestReasons = declareReasons({
  OutcomeUnknown: {
    meaning: 'The agent was interrupted while it carried out the request, and cannot know whether the guest got it.',
    httpStatus: 500,
    whatToDo: 'Look at the guest first: request it again only if nothing has happened there.',
  },
  GuestNotRunning: {
    meaning: 'The action needs a guest that runs, and this one does not.',
    httpStatus: 409,
    whatToDo: 'Start the server first.',
  },
  GuestAgentUnavailable: {
    meaning: 'The domain has no channel to a QEMU guest agent, or the agent in the guest does not answer.',
    httpStatus: 409,
    whatToDo:
      'Set the image property `hw_qemu_guest_agent`, reboot the server with `type: HARD`, and install `qemu-guest-agent` in the guest.',
  },
  GuestAgentError: {
    meaning: 'The QEMU guest agent could not do what was requested.',
    httpStatus: 409,
    whatToDo: 'The message has the cause, such as a user that the guest does not have.',
  },
  SealedSecretInvalid: {
    meaning:
      'The host cannot open the password, or the credentials of an Image, because they were sealed for another key, server or request.',
    httpStatus: 409,
    whatToDo: 'Create the ServerAction again. The key changes when the state directory of the host is lost.',
  },
})
