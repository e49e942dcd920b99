--- The plugin's options. The server's own settings are only passed on (`settings`).
local M = {}

---@class polypilot.GhostConfig
---@field enabled boolean draw suggestions; false leaves them to another client
---@field auto boolean ask while typing; false asks on the trigger key only
---@field debounce_ms integer wait after a keystroke; pacing itself is the server's
---@field with_menu boolean keep showing while the completion menu is open
---@field suppress? fun(bufnr: integer): boolean true hides the suggestion

---@class polypilot.ChatConfig
---@field position "right"|"left"|"bottom"|"top"
---@field size number share of the editor's width or height when below 1, else cells
---@field prompt_height integer
---@field keys table<string, string|false>

---@class polypilot.Config
---@field cmd string[] the `polypilot` program; `--stdio` and subcommands are appended
---@field env table<string, string>
---@field settings table the tree of config.toml
---@field filetypes? string[] attach to these only
---@field root_markers string[]
---@field ghost polypilot.GhostConfig
---@field keys table<string, string|false>|false
---@field chat polypilot.ChatConfig
---@field notify boolean
M.defaults = {
  cmd = { "polypilot" },
  env = {},
  settings = {},
  filetypes = nil,
  root_markers = { ".polypilot.toml", ".git" },
  ghost = {
    enabled = true,
    auto = true,
    debounce_ms = 0,
    with_menu = false,
    suppress = nil,
  },
  keys = {
    accept = "<Tab>",
    accept_word = "<M-Right>",
    accept_line = "<M-C-Right>",
    next = "<M-]>",
    previous = "<M-[>",
    dismiss = "<C-]>",
    trigger = "<M-\\>",
  },
  chat = {
    position = "right",
    size = 0.4,
    prompt_height = 5,
    keys = {
      send = "<CR>",
      send_insert = "<C-s>",
      stop = "<C-c>",
      new = "gn",
      close = "q",
      accept = "ga",
      accept_hunk = "gh",
      reject = "gx",
    },
  },
  notify = true,
}

---@param check fun(value: any): boolean
---@param what string what a good value is
local function rule(check, what)
  return { check = check, what = what }
end

local function is(kind)
  return function(value)
    return type(value) == kind
  end
end

local function strings(value)
  return vim.islist(value) and vim.iter(value):all(is("string"))
end

local flag = rule(is("boolean"), "true or false")
local key = rule(function(value)
  return value == false or (type(value) == "string" and value ~= "")
end, "a key such as <Tab>, or false for none")

--- Where the tree ends in a rule, a value is checked; where in a table, its fields are.
local schema = {
  cmd = rule(function(value)
    return strings(value) and #value > 0
  end, "a list of strings, the program first"),
  env = rule(function(value)
    return type(value) == "table"
      and vim.iter(value):all(function(name, text)
        return type(name) == "string" and type(text) == "string"
      end)
  end, "a table of strings by name"),
  settings = rule(is("table"), "a table, as config.toml has it"),
  filetypes = rule(strings, "a list of filetypes"),
  root_markers = rule(strings, "a list of file names"),
  ghost = {
    enabled = flag,
    auto = flag,
    debounce_ms = rule(function(value)
      return type(value) == "number" and value >= 0 and value <= 10000
    end, "milliseconds, 0 to 10000"),
    with_menu = flag,
    suppress = rule(is("function"), "a function of the buffer's number"),
  },
  keys = vim.tbl_map(function()
    return key
  end, M.defaults.keys),
  chat = {
    position = rule(function(value)
      return vim.list_contains({ "right", "left", "bottom", "top" }, value)
    end, '"right", "left", "bottom" or "top"'),
    size = rule(function(value)
      return type(value) == "number" and value > 0
    end, "a number above 0"),
    prompt_height = rule(function(value)
      return type(value) == "number" and value >= 1 and value == math.floor(value)
    end, "a whole number of lines"),
    keys = vim.tbl_map(function()
      return key
    end, M.defaults.chat.keys),
  },
  notify = flag,
}

--- Lays `given` over `base`; what doesn't fit is reported and left at its default.
local function merge(base, given, rules, path, problems)
  for name, value in pairs(given) do
    local full = path .. tostring(name)
    local found = rules[name]
    if not found then
      problems[#problems + 1] = ("%s: there is no such option"):format(full)
    elseif found.check then
      if found.check(value) then
        base[name] = value
      else
        problems[#problems + 1] = ("%s: expected %s"):format(full, found.what)
      end
    elseif type(value) == "table" then
      merge(base[name], value, found, full .. ".", problems)
    else
      problems[#problems + 1] = ("%s: expected a table"):format(full)
    end
  end
end

---@param given any the user's options
---@return polypilot.Config config complete; a bad value is replaced by its default
---@return string[] problems one line for each bad value
function M.resolve(given)
  local problems = {}
  local config = vim.deepcopy(M.defaults)
  given = given == nil and {} or given
  if type(given) ~= "table" then
    return config, { "expected a table of options" }
  end
  given = vim.deepcopy(given)
  if given.keys == false then
    given.keys = vim.tbl_map(function()
      return false
    end, M.defaults.keys)
  end
  merge(config, given, schema, "", problems)
  table.sort(problems)
  return config, problems
end

---@type polypilot.Config
M.current = vim.deepcopy(M.defaults)
---@type string[]
M.problems = {}

---@param given any
---@return polypilot.Config
function M.set(given)
  M.current, M.problems = M.resolve(given)
  return M.current
end

return M
