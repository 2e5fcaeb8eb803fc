-- Changes spec.powerState to POWER, which the generator sets before this text.
obj.spec.powerState = POWER
return obj
