import { type Static, Type } from 'typebox'
import { Name } from '../crds/schema.ts'
import { defineAction, defineStep, type StepInput } from './action.ts'

const params = Type.Object({
  user: Type.Optional(
    Type.String({
      description: 'User of the guest; default: root, or Administrator if the image’s os_type is windows.',
      minLength: 1,
      maxLength: 128,
    }),
  ),
  passwordSecret: Type.Object(
    {
      name: Name('Name of a Secret of type compute.kubenova.io/password in the namespace of the ServerAction.'),
      key: Type.Optional(
        Type.String({
          description: 'Key of the password in the Secret; default: password.',
          minLength: 1,
          maxLength: 253,
        }),
      ),
    },
    { description: 'Where the password is. It is read once, when the request is admitted.' },
  ),
})
type Params = Static<typeof params>

/** The controller has added `sealed`: the password, encrypted for the host. */
type AdmittedParams = Params & { sealed?: string }

const setPassword = defineStep({
  name: 'set-password',
  needs: ['guestAgent'],
  async do({ host, guest, params, bootId: requestId, ...ctx }: StepInput<AdmittedParams, 'guestAgent'>) {
    const isWindows = guest.instance.image.properties?.['os_type'] === 'windows'
    const { user = isWindows ? 'Administrator' : 'root', sealed = '' } = params
    const refused = await host.guestAgent.setPassword(guest, { user, sealed, requestId }, ctx)
    return refused && { refused }
  },
})

export const changePassword = defineAction({
  name: 'changePassword',
  description: 'The guest agent sets the password of a user of the guest. The password comes from a Secret.',
  nova: { key: 'changePassword', since: '2.1', status: 202 },
  policy: 'owner',
  request: params,
  sealedSecret: ({ passwordSecret: { name, key = 'password' } }) => ({ name, key }),
  from: ['active'],
  task: () => 'updating_password',
  reason: 'UpdatingPassword',
  event: 'compute_set_admin_password',
  result: { power: 'unchanged' },
  // libvirtd takes 30 s before it answers that it is busy, so ten tries take at least five minutes.
  triesWhileBusy: 10,
  steps: [setPassword],
})
