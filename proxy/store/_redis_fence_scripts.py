"""The Lua steps of the fences. Each is one step in Redis: number, records and leases never come apart.

`{P}:fence`      hash: number (the counter), epoch, soft and hard (the floors), run, since, format
`{P}:purges`     stream: an entry per tag purged, its id `<number>-<index>`, its fields tag (digest), mode, at, until
`{P}:instances`  hash: instance → what it confirmed, and until when (ms of Redis's clock) it may serve from memory

All numbers stay below 2^53, so that Lua's doubles hold them exactly.

The counter never runs behind Redis's clock (2^20 ticks a second) and moves in steps of `GAP`: what lies between two
steps is left to machines that cannot reach Redis. When the server is not the one that counted last (a restart, a
promoted replica), writes may have been lost, so the counter leaps by `LEAP` first: no number is given out twice.
"""

from hashlib import sha1
from typing import NamedTuple

from proxy.store.coherence import GAP, LEAP, TICKS

FORMAT = 2  # of all that is kept under the three keys; in 1, digests of tags were anybody's to make

# Scripts with flags exist from Redis 7 on: there, purges are taken even when entries have filled the memory.
FLAGS = "#!lua flags=allow-oom\n"


class Script(NamedTuple):
    """A step, and what EVALSHA knows it by, without and with the flags."""

    text: str
    sha: str
    sha_with_flags: str


_CONSTANTS = f"""
local GAP, LEAP, TICKS, FORMAT = {GAP}, {LEAP}, {TICKS}, {FORMAT}
"""

_BEFORE_ALL = """
local fence, purges, instances = KEYS[1], KEYS[2], KEYS[3]
local secret = table.remove(ARGV)
local format = redis.call('HGET', fence, 'format')
if format and tonumber(format) > FORMAT then
  return redis.error_reply('LARDERFORMAT ' .. format)
elseif not format and redis.call('EXISTS', fence) == 1 then
  return redis.error_reply('LARDERFOREIGN')
end
-- The records hold digests that this one cannot make: another store.secret's, or those of an older Larder.
local is_foreign = format and (tonumber(format) < FORMAT or (redis.call('HGET', fence, 'secret') or '') ~= secret)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ticks = time[1] * TICKS + math.floor(time[2] * TICKS / 1000000)

local function text(number) return string.format('%.0f', number) end
local function up(number) return math.ceil(number / GAP) * GAP end
local function kept(name) return tonumber(redis.call('HGET', fence, name)) end

-- The number in an id, and the id of the last record.
local function of_id(id) return tonumber(string.match(id, '^%d+')) end
local function top()
  local last = redis.call('XREVRANGE', purges, '+', '-', 'COUNT', 1)
  return last[1] and last[1][1] or '0-0'
end

-- Every entry of an older epoch is a fallback at best: what was purged in it is not known.
local function begin_epoch(known, run)
  local number = up(math.max(ticks, known + 1, of_id(top()) + 1))
  redis.call('HSET', fence, 'format', FORMAT, 'number', text(number), 'epoch', text(number), 'soft', text(number),
    'hard', text(kept('hard') or 0), 'run', run, 'since', text(now), 'secret', secret)
end

-- What was purged cannot be told by this one: nothing from before has any right left.
local function take_over(known)
  begin_epoch(known, string.match(redis.call('INFO', 'server'), 'run_id:(%w+)'))
  redis.call('HSET', fence, 'hard', text(kept('number')))
end

-- Whether anybody has confirmed of late, and may serve from memory.
local function lives()
  local all = redis.call('HGETALL', instances)
  for i = 1, #all, 2 do
    local lease = string.match(all[i + 1], ' (%d+)$')
    if lease and tonumber(lease) > now then return true end
  end
  return false
end

-- The counter of this life of this server; made where there is none, and never below what the caller knows of.
local function count_on(known)
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  local number = kept('number')
  if not number then
    begin_epoch(known, run)
  elseif redis.call('HGET', fence, 'run') ~= run then
    number = up(math.max(number + LEAP, ticks, known))
    redis.call('HSET', fence, 'number', text(number), 'run', run, 'since', text(now))
  elseif known > number then
    redis.call('HSET', fence, 'number', text(up(known)))
  end
  return run
end

-- The next number, above all that was ever given out and all that the caller knows of.
local function take_next(known)
  count_on(known)
  local number = up(math.max(kept('number') + 1, ticks))
  redis.call('HSET', fence, 'number', text(number))
  return number
end

-- Refreshed now and then, not at every step: each refresh is a write to disk and replicas.
local function outlive(keep)
  for _, key in ipairs({fence, purges}) do
    local left = redis.call('PTTL', key)
    if left == -1 or (left >= 0 and left < keep * 0.9) then redis.call('PEXPIRE', key, keep) end
  end
end

local function state()
  return {redis.call('HGET', fence, 'run'), kept('epoch'), kept('number'), kept('soft'), kept('hard'), now, top()}
end

-- Instances that may serve from memory and have not confirmed. Leases of a life before this one may be lost: for one
-- window, somebody may have one.
local function unconfirmed(number, me, window)
  local waiting = now < kept('since') + window and 1 or 0
  local all = redis.call('HGETALL', instances)
  for i = 1, #all, 2 do
    local confirmed, lease = string.match(all[i + 1], '^(%d+) (%d+)$')
    if all[i] ~= me and tonumber(confirmed) < number and tonumber(lease) > now then waiting = waiting + 1 end
  end
  return waiting
end
"""

_ONLY_OURS = """
if is_foreign then return redis.error_reply('LARDERSECRET') end
"""

# Behind what each step names, ARGV has what the store's secret is known by.
# ARGV: the highest number heard from Redis, the highest known, ms to keep, the epoch heard of (0: none), whether it may
# take over from Larders of another secret (2), or if none of them lives (1).
# A counter behind what was heard may have given numbers out a second time: a new epoch. So may one that began below
# it, after everything was lost: in between somebody may have raised it.
_JOIN = """
local heard, known, theirs = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[4])
if is_foreign then
  if ARGV[5] == '0' or (ARGV[5] == '1' and lives()) then return redis.error_reply('LARDERSECRET') end
  take_over(math.max(heard, known, kept('number')))
end
local run = count_on(0)
local began_below = theirs > 0 and theirs ~= kept('epoch') and kept('epoch') <= heard
if kept('number') < heard or began_below then begin_epoch(math.max(heard, known, kept('number')), run) end
count_on(known)
outlive(tonumber(ARGV[3]))
return state()
"""

# ARGV: the id heard last, how many records at most.
_READ = """
return redis.call('XRANGE', purges, '(' .. ARGV[1], '+', 'COUNT', ARGV[2])
"""

# ARGV: instance, id heard last, highest number known, window, ms to keep, how many records at most.
# The lease runs for a window from the moment up to which the instance has heard all; milliseconds are rounded down, so
# one more, or it would lapse before the instance itself stops.
_FOLLOW = """
local me, heard, window = ARGV[1], ARGV[2], tonumber(ARGV[4])
count_on(tonumber(ARGV[3]))
local records = redis.call('XRANGE', purges, '(' .. heard, '+', 'COUNT', ARGV[6])
local confirmed, lag = of_id(heard), 0
if records[1] then
  lag = math.max(0, now - math.floor(records[1][2][6] * 1000))
  if of_id(records[1][1]) == confirmed then confirmed = math.max(0, confirmed - 1) end
end
redis.call('HSET', instances, me, text(confirmed) .. ' ' .. text(math.max(0, now + 1 + window - lag)))
local all = redis.call('HGETALL', instances)
for i = 1, #all, 2 do
  local lease = string.match(all[i + 1], ' (%d+)$')
  if not lease or tonumber(lease) < now - 60 * window then redis.call('HDEL', instances, all[i]) end
end
redis.call('PEXPIRE', instances, 600 * window)
outlive(tonumber(ARGV[5]))
return {state(), lag, records}
"""

# ARGV: instance. Nobody waits for it any more.
_LEAVE = """
return redis.call('HDEL', instances, ARGV[1])
"""

# ARGV: instance, highest number known, window, ms to keep, most records; then tag digest, mode and settle for each.
_PURGE = """
local number, keep = take_next(tonumber(ARGV[2])), tonumber(ARGV[4])
for i = 6, #ARGV, 3 do
  local settle = tonumber(ARGV[i + 2])
  redis.call('XADD', purges, text(number) .. '-' .. text((i - 6) / 3), 'tag', ARGV[i], 'mode', ARGV[i + 1],
    'at', string.format('%.3f', now / 1000), 'until', settle > 0 and string.format('%.3f', now / 1000 + settle) or '0')
end
redis.call('XTRIM', purges, 'MINID', text(math.max(0, ticks - keep / 1000 * TICKS)))
local extra = redis.call('XLEN', purges) - tonumber(ARGV[5])
if extra > 0 then
  local floor = {soft = kept('soft'), hard = kept('hard')}
  local oldest = redis.call('XRANGE', purges, '-', '+', 'COUNT', math.min(extra, #ARGV + 100))
  for _, record in ipairs(oldest) do
    floor[record[2][4]] = math.max(floor[record[2][4]], of_id(record[1]))
    redis.call('XDEL', purges, record[1])
  end
  redis.call('HSET', fence, 'soft', text(floor.soft), 'hard', text(floor.hard))
end
outlive(keep)
return {state(), unconfirmed(number, ARGV[1], tonumber(ARGV[3]))}
"""

# ARGV: highest number known, mode, ms to keep. Everything fetched before now loses its rights.
_RAISE_FLOOR = """
redis.call('HSET', fence, ARGV[2], text(take_next(tonumber(ARGV[1]))))
outlive(tonumber(ARGV[3]))
return state()
"""

# ARGV: number, instance, window.
_UNCONFIRMED = """
if not format then return 1 end
return unconfirmed(tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]))
"""

# ARGV: number, run. A write after the purge's, by which WAIT and WAITAOF know what to wait for; 0: another server's.
_STAMP = """
if not format or redis.call('HGET', fence, 'run') ~= ARGV[2] or kept('number') < tonumber(ARGV[1]) then return 0 end
redis.call('HSET', fence, 'stamp', ARGV[1])
return 1
"""

_INSPECT = """
local function said(section, name) return string.match(redis.call('INFO', section), name .. ':([^\\r\\n]*)') or '' end
return {said('server', 'redis_version'), said('memory', 'maxmemory_policy')}
"""


def _script(body: str, *, checks: str = _ONLY_OURS) -> Script:
    text = _CONSTANTS + _BEFORE_ALL + checks + body
    return Script(text, *(sha1(each.encode(), usedforsecurity=False).hexdigest() for each in (text, FLAGS + text)))


JOIN = _script(_JOIN, checks="")
READ = _script(_READ)
FOLLOW = _script(_FOLLOW)
LEAVE = _script(_LEAVE)
PURGE = _script(_PURGE)
RAISE_FLOOR = _script(_RAISE_FLOOR)
UNCONFIRMED = _script(_UNCONFIRMED)
STAMP = _script(_STAMP)
INSPECT = _script(_INSPECT, checks="")
