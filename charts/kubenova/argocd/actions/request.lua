-- Creates a ServerAction. The generator sets NAME, ACTION and PARAMS (nil: the action needs no parameters) before this
-- text, and POWER if a change of spec.powerState does the same on a server without an error.
if POWER ~= nil and obj.spec.powerState ~= POWER and obj.status.vmState ~= "error" then
  obj.spec.powerState = POWER
  return obj
end

local request = {
  apiVersion = obj.apiVersion,
  kind = "ServerAction",
  metadata = { generateName = obj.metadata.name .. "-" .. NAME .. "-", namespace = obj.metadata.namespace },
  spec = { server = obj.metadata.name, action = ACTION },
}
request.spec[ACTION] = PARAMS
return { { operation = "create", resource = request } }
