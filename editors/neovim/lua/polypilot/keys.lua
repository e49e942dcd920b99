--- `<Plug>` mappings, and the default keys on them: a key does what it did before when there is
--- nothing for it to do.
local config = require("polypilot.config")

local M = {}

---@type table<string, { keys: (fun(): string|nil), desc: string }>
local actions = {
  accept = { desc = "accept the suggestion" },
  accept_word = { desc = "accept the suggestion's next word" },
  accept_line = { desc = "accept the suggestion's next line" },
  next = { desc = "show the next suggestion" },
  previous = { desc = "show the previous suggestion" },
  dismiss = { desc = "dismiss the suggestion" },
  trigger = { desc = "ask for suggestions" },
}

--- The ghost module is loaded with the first key, not with the plugin.
local function ghost()
  return require("polypilot.ghost")
end

for name, part in pairs({ accept = "all", accept_word = "word", accept_line = "line" }) do
  actions[name].keys = function()
    return ghost().accept_keys(part)
  end
end

local function later(call)
  return ('<Cmd>lua require("polypilot.ghost").%s<CR>'):format(call)
end

-- An expr mapping may not change the screen's text itself: it returns keys that do.
actions.next.keys = function()
  return ghost().visible() and later("cycle(1)") or nil
end
actions.previous.keys = function()
  return ghost().visible() and later("cycle(-1)") or nil
end
actions.dismiss.keys = function()
  return ghost().visible() and later("dismiss()") or nil
end
actions.trigger.keys = function()
  return later("trigger()")
end

M.names = vim.tbl_keys(actions)
table.sort(M.names)

---@param name string
---@return string
local function plug(name)
  return ("<Plug>(polypilot-%s)"):format(name:gsub("_", "-"))
end

local function fallback_plug(lhs)
  return ("<Plug>(polypilot-was-%s)"):format(lhs:gsub("[<>]", ""))
end

---@type table<string, string> keys that are ours now, and for what
local taken = {}

local function is_ours(map)
  return type(map.desc) == "string" and vim.startswith(map.desc, "Polypilot: ")
end

--- Keeps what a key does now reachable under a name, all its attributes included.
local function keep(lhs)
  local name = fallback_plug(lhs)
  local map = vim.fn.maparg(lhs, "i", false, true)
  if vim.tbl_isempty(map) or map.buffer == 1 then
    vim.keymap.set("i", name, lhs, { desc = "Polypilot: what the key did before" })
  elseif not is_ours(map) then
    map.lhs, map.lhsraw, map.lhsrawalt = name, vim.keycode(name), nil
    vim.fn.mapset(map)
  end
end

local function give_back()
  for lhs in pairs(taken) do
    local map = vim.fn.maparg(lhs, "i", false, true)
    if is_ours(map) then
      vim.keymap.del("i", lhs)
      local was = vim.fn.maparg(fallback_plug(lhs), "i", false, true)
      if not vim.tbl_isempty(was) and not is_ours(was) then
        was.lhs, was.lhsraw, was.lhsrawalt = lhs, vim.keycode(lhs), nil
        vim.fn.mapset(was)
      end
    end
  end
  taken = {}
end

--- The `<Plug>` mappings; without something to do they do nothing.
function M.define()
  for name, action in pairs(actions) do
    vim.keymap.set("i", plug(name), function()
      return action.keys() or ""
    end, { expr = true, desc = "Polypilot: " .. action.desc })
  end
end

--- The default keys of the configuration, in place of those of an earlier one.
function M.setup()
  give_back()
  if not config.current.ghost.enabled then
    return
  end
  for _, name in ipairs(M.names) do
    local lhs = config.current.keys[name]
    if lhs then
      keep(lhs)
      vim.keymap.set("i", lhs, function()
        return actions[name].keys() or fallback_plug(lhs)
      end, { expr = true, remap = true, desc = "Polypilot: " .. actions[name].desc })
      taken[lhs] = name
    end
  end
end

--- Keys that another plugin has taken since.
---@return { key: string, name: string, by: string }[]
function M.conflicts()
  local found = {}
  for lhs, name in pairs(taken) do
    local map = vim.fn.maparg(lhs, "i", false, true)
    if not is_ours(map) then
      local by = map.desc or map.rhs or (map.callback and "a Lua function") or "nothing"
      found[#found + 1] = { key = lhs, name = name, by = by }
    end
  end
  table.sort(found, function(a, b)
    return a.key < b.key
  end)
  return found
end

return M
