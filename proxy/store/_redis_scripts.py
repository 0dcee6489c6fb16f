"""What Redis does in one step, in Lua. Each has one key, or does the same for several: so it runs on a cluster too.

Every key that a script writes gets an expiry in the same step. Instants are those of Redis, as are the expiries: a
machine's clock says only how much longer something lives.
"""

from collections.abc import Sequence
from hashlib import sha1
from typing import TypeAlias

Word: TypeAlias = bytes | str | int


class Script:
    """Lua under its digest, as EVALSHA wants it."""

    def __init__(self, text: str) -> None:
        self._sha = sha1(text.encode(), usedforsecurity=False).hexdigest()
        _TEXTS[self._sha] = text

    def __repr__(self) -> str:
        return f"<Script {self._sha[:8]}>"

    def __call__(self, key: bytes, *args: Word) -> tuple[Word, ...]:
        """The command that runs it."""
        return ("EVALSHA", self._sha, 1, key, *args)

    def on_all(self, keys: Sequence[bytes], *args: Word) -> tuple[Word, ...]:
        """The command that runs it on several keys, which one server has to have."""
        return ("EVALSHA", self._sha, len(keys), *keys, *args)


_TEXTS: dict[str, str] = {}


def in_full(command: Sequence[Word]) -> tuple[Word, ...]:
    """The same command for a server that does not know the script yet, and will after it."""
    return ("EVAL", _TEXTS[str(command[1])], *command[2:])


# An entry: ARGV its order, its value, milliseconds left. 1: kept; 0: what is kept has a higher order. An order is made
# of digits only, always as many, so that the later one is the greater string: no number is read, none loses digits.
PUT = Script("""
local held = redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1)
if #held == #ARGV[1] and not string.find(held, '%D') and held > ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
""")

# The list of a tag: ARGV milliseconds left and a key, of each entry under it. The list lives as long as its longest
# member. What has expired goes, some with each write: more than is written, so that it cannot grow for ever.
LIST = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 100 + #ARGV)
for first = 1, #gone, 1000 do
  redis.call('ZREM', KEYS[1], unpack(gone, first, math.min(first + 999, #gone)))
end
for place = 1, #ARGV, 2 do
  redis.call('ZADD', KEYS[1], 'GT', now + ARGV[place], ARGV[place + 1])
end
local longest = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
redis.call('PEXPIRE', KEYS[1], longest[2] - now)
return 1
""")

# What is done with entries that are under every tag whose digest is in ARGV[3…]. ARGV[1] says where the number of its
# digests stands in an entry's value, and ARGV[2] how many bytes each has. For each entry 1 if it is under them, else 0;
# what is no string is under none.
_IF_UNDER = """
local start, width = tonumber(ARGV[1]), tonumber(ARGV[2])
local function is_under(key)
  if #ARGV == 2 then return redis.call('EXISTS', key) == 1 end
  local count = redis.pcall('GETRANGE', key, start, start + 1)
  if type(count) ~= 'string' or #count < 2 then return false end
  count = string.byte(count, 1) * 256 + string.byte(count, 2)
  local listed = {}
  if count > 0 then
    local digests = redis.call('GETRANGE', key, start + 2, start + 1 + count * width)
    for first = 1, #digests, width do listed[string.sub(digests, first, first + width - 1)] = true end
  end
  for place = 3, #ARGV do
    if not listed[ARGV[place]] then return false end
  end
  return true
end
local answers = {}
for place, key in ipairs(KEYS) do
  answers[place] = is_under(key) and %s or 0
end
return answers
"""
IS_UNDER = Script(_IF_UNDER % "1")
DELETE_UNDER = Script(_IF_UNDER % "redis.call('UNLINK', key)")

# A notification: ARGV until when (ms since the epoch, by the caller's clock), now by the same clock, milliseconds left.
MARK = Script("""
local held = tonumber(redis.call('GET', KEYS[1]) or '0')
if held and held > tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return 1
""")

# A note: ARGV it, milliseconds until it counts no more. One that is kept is returned, and stays.
CLAIM = Script("""
local held = redis.call('GET', KEYS[1])
if held then return held end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
""")

# A note in place of another: ARGV the one that has to be there, it, milliseconds until it counts no more.
EXCHANGE = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
""")

# A principal's user: ARGV the principal, its value, milliseconds until all of them expire.
BIND = Script("""
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
""")

# A partition's key: ARGV a new one, milliseconds for which it is needed. What is kept is returned, the new one if
# there was none.
PARTITION_KEY = Script("""
local held = redis.call('GET', KEYS[1])
if not held then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return ARGV[1]
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return held
""")

# A partition's key wrapped anew: ARGV what is held, what is to be. 1: it is; 0: somebody was quicker.
REPLACE = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
""")
