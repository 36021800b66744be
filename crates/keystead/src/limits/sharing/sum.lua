-- The sums that several processes share, one key each: "AT OWED", what is owed in nanoseconds at a
-- moment of this server's clock in microseconds. OWED is the theoretical arrival time of the generic
-- cell rate algorithm less that moment; unlike it, it fits into the 53 bits of Lua's numbers.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function owes(key)
  local sum = redis.call('GET', key)
  if not sum then return 0 end
  local at, owed = string.match(sum, '^(%d+) (%d+)$')
  return math.max(0, owed - math.max(0, now - at) * 1000)
end

local function owe(key, owed)
  if owed <= 0 then return redis.call('DEL', key) end
  -- What nobody owes any more need not be kept.
  local ms = math.ceil(owed / 1000000)
  redis.call('SET', key, string.format('%.0f %.0f', now, owed), 'PX', string.format('%.0f', ms))
end

