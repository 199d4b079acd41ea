-- Asks for the status of orders. Arguments: a file of keys, one per customer; the first order; how many
-- orders each customer has; how many ids to ask for at once; a seed. Order first + n belongs to
-- customer n modulo the number of customers.

local keys, first_order, orders_each, ids_per_call
right, wrong = 0, 0

package.path = debug.getinfo(1, "S").source:match("^@(.*/)") .. "?.lua;" .. package.path
require("reporting")

function init(arguments)
  keys = read_lines(arguments[1])
  first_order, orders_each = tonumber(arguments[2]), tonumber(arguments[3])
  ids_per_call = tonumber(arguments[4])
  math.randomseed(tonumber(arguments[5]) + thread_number)
end

function request()
  local customer = math.random(#keys) - 1
  local start = math.random(orders_each) - 1
  local ids = {}
  for turn = 1, ids_per_call do
    ids[turn] = string.format("%d", first_order + customer + #keys * ((start + turn) % orders_each))
  end
  local wanted = ids_per_call == 1 and "order" or "orders"
  return form_post("key=" .. keys[customer + 1] .. "&action=status&" .. wanted .. "=" .. table.concat(ids, "%2C"))
end

function response(status, headers, body)
  if status == 200 and body:find('"remains"', 1, true) and not body:find('"error"', 1, true) then
    right = right + 1
  else
    wrong = wrong + 1
    example = status .. " " .. body
  end
end
