-- The health of a Server. A server that is off because its spec says so is Healthy.

local ready = conditionOf("Ready")
if ready == nil then
  return health("Progressing", "the controller has not seen the Server yet")
end
-- The agent of a host that is down processes no change of the spec, so this comes before the check of the generation.
if ready.reason == "HostDown" then
  return healthOf("Degraded", ready)
end
if ready.status == "Unknown" or isOutdated(ready) then
  return health("Progressing", "the last change of the spec has not been processed yet")
end
-- The domain ends again and again. The agent goes on trying, but a sync should not wait for that.
if ready.reason == "RestartDelayed" then
  return healthOf("Degraded", ready)
end
if isTrue("Reconciling") or obj.status.vmState == "building" then
  return healthOf("Progressing", ready)
end
if ready.status == "True" then
  if ready.reason == "Paused" or ready.reason == "Suspended" then
    return healthOf("Suspended", ready)
  end
  return healthOf("Healthy", ready)
end
-- A user ends a rescue with the action unrescue. A guest that has suspended itself to RAM sleeps until a device or the
-- action start wakes it.
if ready.reason == "Rescued" or ready.reason == "GuestSleeps" then
  return healthOf("Suspended", ready)
end
return healthOf("Degraded", ready)
