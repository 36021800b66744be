-- Notes that a process is alive, and that its calls still run; gives how many processes are.
--
-- KEYS: the processes, then one for each running call and count.
-- ARGV: the process; how long it, and how long a running call, is believed without a word of it, in
-- ms; then each running call's name.
local ms = math.floor(now / 1000)
local alive, life = tonumber(ARGV[2]), tonumber(ARGV[3])
for i = 2, #KEYS do
  redis.call('ZADD', KEYS[i], ms + life, ARGV[i + 2])
  redis.call('PEXPIRE', KEYS[i], life)
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ms)
redis.call('ZADD', KEYS[1], ms + alive, ARGV[1])
redis.call('PEXPIRE', KEYS[1], alive)
return redis.call('ZCARD', KEYS[1])
