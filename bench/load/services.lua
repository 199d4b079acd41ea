-- Asks for the catalogue, or for a static file. Arguments: the form to post, empty for a GET of the file;
-- the encoding to accept, empty for none. Replies are not looked at here: copying megabytes into Lua would
-- be most of what is measured. bench/catalogue.py compares them before and after.

package.path = debug.getinfo(1, "S").source:match("^@(.*/)") .. "?.lua;" .. package.path
require("reporting")

local text

function init(arguments)
  local headers = { ["Host"] = wrk.host }
  if arguments[2] and arguments[2] ~= "" then
    headers["Accept-Encoding"] = arguments[2]
  end
  if arguments[1] and arguments[1] ~= "" then
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    text = wrk.format("POST", wrk.path, headers, arguments[1])
  else
    text = wrk.format("GET", wrk.path, headers)
  end
end

function request()
  return text
end
