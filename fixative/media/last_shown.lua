-- What was last shown of a job, unless something of a later move is kept, or that it was deleted.
-- KEYS[1] a hash: number (of the job's newest move), at (when it was read, in seconds), owner,
--         digest, job
-- ARGV    these in turn, then how many seconds it is kept
local had = redis.call('HMGET', KEYS[1], 'number', 'at')
local number, at = tonumber(had[1] or -1), tonumber(had[2] or 0)
if number > tonumber(ARGV[1]) or (number == tonumber(ARGV[1]) and at > tonumber(ARGV[2])) then
    return
end
redis.call('HSET', KEYS[1], 'number', ARGV[1], 'at', ARGV[2], 'owner', ARGV[3], 'digest', ARGV[4],
    'job', ARGV[5])
redis.call('EXPIRE', KEYS[1], ARGV[6])
