-- What was last shown of a job, unless something of a later move is kept, or that it was deleted.
-- KEYS[1] a hash: number (of the job's newest move), at (when it was read, in seconds), owner, job
-- ARGV    number, at, owner, job, seconds to keep it
local had = redis.call('HMGET', KEYS[1], 'number', 'at')
local number, at = tonumber(had[1] or -1), tonumber(had[2] or 0)
if number > tonumber(ARGV[1]) or (number == tonumber(ARGV[1]) and at > tonumber(ARGV[2])) then
    return
end
redis.call('HSET', KEYS[1], 'number', ARGV[1], 'at', ARGV[2], 'owner', ARGV[3], 'job', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
