-- Admission to Replicate, decided in one round trip: a hold, the breaker, and a GCRA bucket.
-- KEYS[1] one hash: tat, rate (per second) and burst as learned at learned_at, closed_until and its
--         reason, trial_until (one call out to test), failures in a row, others waiting until
--         waiting_until
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

-- the rate as learned, 0 if none is: it doubles every two minutes in which nobody was told to go
-- slower
local function learned_rate()
    local rate = get('rate')
    return rate == 0 and 0 or rate * 2 ^ math.floor((now - get('learned_at')) / 120)
end

-- the pace in force, and 1 if a learned one has just ceased to be
local function pace(rate, burst)
    local learned = learned_rate()
    if learned == 0 then
        return rate, burst, 0
    end
    if learned >= rate then
        redis.call('HDEL', KEYS[1], 'rate', 'burst', 'learned_at')
        return rate, burst, 1
    end
    return learned, math.min(burst, get('burst')), 0
end

local verbs = {}

-- take n, rate per second, burst, 1 if in turn (admit) or 0 (out of turn), seconds a trial may last
-- answers {granted, reason, milliseconds to wait, 1 if the learned pace has just ceased to be}
function verbs.take(n, rate, burst, in_turn, trial)
    n, rate, burst = tonumber(n), tonumber(rate), tonumber(burst)
    local closed_until = get('closed_until')
    if closed_until > 0 then
        local wait = math.max(closed_until, get('trial_until')) - now
        if wait > 0 then
            return {0, redis.call('HGET', KEYS[1], 'reason'), math.ceil(wait * 1000), 0}
        end
        n = 1
    end
    if in_turn == '0' and get('waiting_until') > now then
        return {0, 'pace', 250, 0}
    end
    local cleared
    rate, burst, cleared = pace(rate, tonumber(burst))
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
    local wait = math.ceil(math.max(0, tat + step - burst * step - now) * 1000)
    return {granted, reason, wait, cleared}
end

-- throttled seconds, rate per second, burst, 1 if these two were learned from the answer:
-- nothing is sent until then, and from then on one at a time, since Replicate's bucket is empty too;
-- it is an answer, so the breaker is closed, and a trial out for another reason is over
-- answers 1 if the pace learned is news
function verbs.throttled(seconds, rate, burst, learned)
    if redis.call('HGET', KEYS[1], 'reason') == 'breaker' then
        verbs.succeeded()
    end
    redis.call('HDEL', KEYS[1], 'failures', 'trial_until')
    set('tat', math.max(get('tat'), now + seconds + (burst - 1) / rate))
    if learned == '0' then
        return 0
    end
    local news = get('rate') ~= tonumber(rate)
    set('rate', rate, 'burst', burst, 'learned_at', now)
    return news and 1 or 0
end

-- drained rate, burst: Replicate says that its bucket is empty: one token less for everybody
function verbs.drained(rate, burst)
    rate = pace(tonumber(rate), tonumber(burst))
    set('tat', math.max(get('tat'), now) + 1 / rate)
end

-- close seconds, reason: hold everything, then let one call out to test
-- answers 1 if it was not closed for this reason already
function verbs.close(seconds, reason)
    local news = redis.call('HGET', KEYS[1], 'reason') ~= reason
    set('closed_until', now + seconds, 'reason', reason, 'trial_until', 0)
    return news and 1 or 0
end

-- failed limit, seconds, longest: one more failure in a row; from `limit` on the breaker is open
function verbs.failed(limit, seconds, longest)
    local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
    if failures >= tonumber(limit) then
        local doubled = seconds * 2 ^ math.min(failures - limit, 10)
        return verbs.close(math.min(doubled, longest), 'breaker')
    end
    return 0
end

function verbs.succeeded()
    redis.call('HDEL', KEYS[1], 'failures', 'closed_until', 'reason', 'trial_until')
end

-- state: answers {learned rate or 0, reason closed for if any, closed_until or 0, failures} as text
function verbs.state()
    local reason = redis.call('HGET', KEYS[1], 'reason') or ''
    local until_ = redis.call('HGET', KEYS[1], 'closed_until') or '0'
    return {tostring(learned_rate()), reason, until_, tostring(get('failures'))}
end

return verbs[ARGV[1]](unpack(ARGV, 2))
