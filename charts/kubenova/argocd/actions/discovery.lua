-- Lists the actions of a Server. An action is disabled if the API server or the controller would reject it now.
-- The generator puts the table ACTIONS before this text: each action with the vmStates in which it is allowed.

local status = obj.status or {}
local vmState = status.vmState or "building"
local mode = status.mode or "normal"
-- The power that the agent works towards in each mode; in the modes that are not named here the server is kept off.
local targets = {
  normal = obj.spec.powerState,
  rescued = "Running",
  resized = status.reachedPowerState or obj.spec.powerState,
}
local targetPower = targets[mode] or "Stopped"

local isClosed = obj.spec.locked == true or obj.metadata.deletionTimestamp ~= nil
local active = status.activeAction
local isBusy = status.taskState ~= nil or (active ~= nil and active.uid ~= status.lastCompletedAction)

-- Whether the action can be done by a change of spec.powerState.
local function canChangePower(action)
  return action.power ~= nil and action.states[vmState] == true and action.power ~= obj.spec.powerState
end

-- Whether the controller would accept a ServerAction for the action.
local function canRequest(action)
  local isRetry = action.retries == true and vmState == "error"
  -- A guest that has suspended itself to RAM has the power state Suspended.
  local canWake = action.wakes == true and status.powerState == "Suspended"
  if not action.request or isBusy or not (action.states[vmState] or canWake) then
    return false
  end
  if action.mode ~= nil and action.mode ~= mode then
    return false
  end
  if status.host == nil and not isRetry then
    return false
  end
  if status.launchedAt == nil and not action.boots then
    return false
  end
  return isRetry or not action.boots or targetPower == "Running"
end

local result = {}
for name, action in pairs(ACTIONS) do
  result[name] = {
    disabled = isClosed or not (canChangePower(action) or canRequest(action)),
    displayName = action.displayName,
    iconClass = action.iconClass,
  }
end
return result
