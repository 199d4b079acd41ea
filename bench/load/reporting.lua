-- Shared by the load scripts: counts what came back, and prints one line that bench/wrk.py reads.

local threads = {}

function setup(thread)
  thread:set("thread_number", #threads)
  table.insert(threads, thread)
end

function read_lines(path)
  local lines = {}
  for line in io.lines(path) do
    table.insert(lines, line)
  end
  return lines
end

-- The request as it goes over the wire. wrk.format would build its header table anew for each.
function form_post(body)
  return "POST /api/v2 HTTP/1.1\r\nHost: " .. wrk.host .. "\r\n"
    .. "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

-- `right` and `wrong` are globals of each thread; a script that does not look at replies leaves them unset.
function done(summary, latency, requests)
  local right, wrong, example = 0, 0, ""
  for _, thread in ipairs(threads) do
    right = right + (thread:get("right") or 0)
    wrong = wrong + (thread:get("wrong") or 0)
    example = thread:get("example") or example
  end
  local errors = summary.errors
  io.write(string.format(
    "measured requests=%d microseconds=%d p50=%d p99=%d right=%d wrong=%d status=%d socket=%d\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), right, wrong,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout
  ))
  if example ~= "" then
    io.write("example ", example:sub(1, 200):gsub("%s+", " "), "\n")
  end
end
