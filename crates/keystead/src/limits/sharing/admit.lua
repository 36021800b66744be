-- Takes all charges of one call and counts it as running, or does nothing and says what refused.
--
-- KEYS: one for each charge, then one for each count of running calls.
-- ARGV: the number of charges; the call's name; how long a running call is believed without a word
-- of it, in ms; the cost and the burst of each charge, in ns; of each count how many may run.
-- Gives the number of the key that refused, from 1, and how long it will, in ns; or two zeros, and
-- what each charge's sum owes now.
local charges, life = tonumber(ARGV[1]), tonumber(ARGV[3])
local owed, answer = {}, {0, 0}
for i = 1, charges do
  local sum = (owed[KEYS[i]] or owes(KEYS[i])) + ARGV[2 * i + 2]
  local over = sum - ARGV[2 * i + 3]
  if over > 0 then return {i, over} end
  owed[KEYS[i]] = sum
  answer[i + 2] = sum
end
local ms = math.floor(now / 1000)
for i = charges + 1, #KEYS do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', ms)
  if redis.call('ZCARD', KEYS[i]) >= tonumber(ARGV[charges + i + 3]) then return {i, 0} end
end
for key, sum in pairs(owed) do owe(key, sum) end
for i = charges + 1, #KEYS do
  redis.call('ZADD', KEYS[i], ms + life, ARGV[2])
  redis.call('PEXPIRE', KEYS[i], life)
end
return answer
