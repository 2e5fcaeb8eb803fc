-- Functions for the health checks. The generator puts this text before the text of each check.

-- The condition of a type; nil if the object has none.
local function conditionOf(type)
  if obj.status == nil or obj.status.conditions == nil then
    return nil
  end
  for _, condition in ipairs(obj.status.conditions) do
    if condition.type == type then
      return condition
    end
  end
  return nil
end

local function isTrue(type)
  local condition = conditionOf(type)
  return condition ~= nil and condition.status == "True"
end

-- Whether the controller or the agent has not processed the last change of the spec yet. Kinds without the status
-- subresource have no observedGeneration.
local function isOutdated(condition)
  local observed = condition.observedGeneration or (obj.status and obj.status.observedGeneration)
  return observed ~= nil and observed ~= obj.metadata.generation
end

local function health(status, message)
  return { status = status, message = message }
end

local function healthOf(status, condition)
  return health(status, condition.reason .. ": " .. condition.message)
end
