-- The health of a ServerAction: whether the requested action has succeeded.

local phase = obj.status and obj.status.phase or "Pending"
if phase == "Succeeded" then
  return health("Healthy", "the action has succeeded")
end
if phase == "Failed" or phase == "Rejected" then
  return health("Degraded", phase .. ": " .. (obj.status.message or "without a message"))
end
return health("Progressing", "the phase is " .. phase)
