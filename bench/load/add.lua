-- Places orders. Arguments: a file of keys, a tag that no other run has,
-- the first and the last service, a seed. Every link is new, so the duplicate rule finds nothing.

local keys, tag, first_service, last_service
local counter = 0
right, wrong = 0, 0

package.path = debug.getinfo(1, "S").source:match("^@(.*/)") .. "?.lua;" .. package.path
require("reporting")

function init(arguments)
  keys = read_lines(arguments[1])
  tag = arguments[2] .. "-" .. thread_number
  first_service, last_service = tonumber(arguments[3]), tonumber(arguments[4])
  math.randomseed(tonumber(arguments[5]) + thread_number)
end

function request()
  counter = counter + 1
  return form_post(
    "key=" .. keys[math.random(#keys)] .. "&action=add&service=" .. math.random(first_service, last_service)
      .. "&link=https%3A%2F%2Fexample.com%2F" .. tag .. "%2F" .. counter .. "&quantity=1000"
  )
end

function response(status, headers, body)
  if status == 200 and body:find('^{"order":%d+}') then
    right = right + 1
  else
    wrong = wrong + 1
    example = status .. " " .. body
  end
end
