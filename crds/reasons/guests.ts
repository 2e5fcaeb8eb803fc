/** Reasons: requests to guests. */
import { declareReasons, type ReasonGroup } from './reason-table.ts'

export const guests: ReasonGroup = {
  title: 'Requests to guests',
  intro: 'The requested action has failed. The server stays as it is; resolve the cause, then create another ServerAction.',
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
})
