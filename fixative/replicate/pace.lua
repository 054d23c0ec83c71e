-- Admission to Replicate, decided in one round trip: a hold, the breaker, and a GCRA bucket.
-- KEYS[1] one hash: tat, rate and burst learned until rate_until, closed_until and its reason,
--         trial_until (one call out to test), failures in a row, others waiting until waiting_until
-- ARGV    verb, then what the verb takes; all times are seconds of the server's clock
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
local function get(field)
    return tonumber(redis.call('HGET', KEYS[1], field) or 0)
end
local function set(...)
    redis.call('HSET', KEYS[1], ...)
    redis.call('EXPIRE', KEYS[1], 86400)
end

local verbs = {}

-- take n, rate per second, burst, 1 if in turn (admit) or 0 (out of turn), seconds a trial may last
-- answers {granted, reason, milliseconds to wait}
function verbs.take(n, rate, burst, in_turn, trial)
    n, rate, burst = tonumber(n), tonumber(rate), tonumber(burst)
    local closed_until = get('closed_until')
    if closed_until > 0 then
        local wait = math.max(closed_until, get('trial_until')) - now
        if wait > 0 then
            return {0, redis.call('HGET', KEYS[1], 'reason'), math.ceil(wait * 1000)}
        end
        n = 1
    end
    if in_turn == '0' and get('waiting_until') > now then
        return {0, 'pace', 250}
    end
    if get('rate_until') > now then
        rate, burst = math.min(rate, get('rate')), math.min(burst, get('burst'))
    end
    local step = 1 / rate
    local tat = math.max(get('tat'), now)
    local room = math.floor((now + burst * step - tat) / step + 1e-6)
    local granted = math.max(0, math.min(n, room))
    if granted > 0 then
        set('tat', tat + granted * step)
        if closed_until > 0 then
            set('trial_until', now + trial)
        end
    end
    if in_turn == '1' and granted < n then
        set('waiting_until', now + 2)
    end
    local reason = closed_until > 0 and redis.call('HGET', KEYS[1], 'reason') or 'pace'
    return {granted, reason, math.ceil(math.max(0, tat + step - burst * step - now) * 1000)}
end

-- throttled seconds, rate per second, burst, 1 if these two were learned from the answer:
-- nothing is sent until then, and from then on one at a time, since Replicate's bucket is empty too
function verbs.throttled(seconds, rate, burst, learned)
    set('tat', math.max(get('tat'), now + seconds + (burst - 1) / rate))
    if learned == '1' then
        set('rate', rate, 'burst', burst, 'rate_until', now + 60)
    end
end

-- close seconds, reason: hold everything, then let one call out to test
function verbs.close(seconds, reason)
    set('closed_until', now + seconds, 'reason', reason, 'trial_until', 0)
end

-- failed limit, seconds, longest: one more failure in a row; from `limit` on the breaker is open
function verbs.failed(limit, seconds, longest)
    local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
    if failures >= tonumber(limit) then
        local doubled = seconds * 2 ^ math.min(failures - limit, 10)
        verbs.close(math.min(doubled, longest), 'breaker')
    end
end

function verbs.succeeded()
    redis.call('HDEL', KEYS[1], 'failures', 'closed_until', 'reason', 'trial_until')
end

return verbs[ARGV[1]](unpack(ARGV, 2))
