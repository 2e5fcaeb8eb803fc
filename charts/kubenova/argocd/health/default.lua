-- The health of a kind that has no check of its own. Only the condition Ready counts.

-- With these reasons the object waits for another object, which the same sync may create or delete later.
local waiting = {
  HostNotFound = true,
  NetworkNotFound = true,
  SubnetsOverlap = true,
  AddressInUse = true,
  MACInUse = true,
}

local ready = conditionOf("Ready")
if ready == nil then
  return health("Progressing", "it has no condition Ready yet")
end
if ready.reason == "HostDown" then
  return healthOf("Degraded", ready)
end
if ready.status == "Unknown" or isOutdated(ready) then
  return health("Progressing", "the last change of the spec has not been processed yet")
end
if ready.status == "True" then
  return healthOf("Healthy", ready)
end
if waiting[ready.reason] then
  return healthOf("Progressing", ready)
end
return healthOf("Degraded", ready)
