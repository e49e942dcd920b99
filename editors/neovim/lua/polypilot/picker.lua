--- Chooses a provider and a model with `vim.ui.select`; the server saves the choice.
local auth = require("polypilot.auth")
local client = require("polypilot.client")
local util = require("polypilot.util")

local M = {}

---@type string[] the last list's ids, for completion on the command line
M.known = {}

local purposes = {
  { id = "both", label = "completion and chat" },
  { id = "completion", label = "completion" },
  { id = "chat", label = "chat" },
}

local function provider_label(row)
  local parts = { row.name or row.id }
  if row["local"] == true then
    parts[#parts + 1] = "on this machine"
  elseif util.value(row.keyStored) == true then
    parts[#parts + 1] = "key stored"
  elseif row.auth == "keyring" and row.keyStored == false then
    parts[#parts + 1] = "needs a key"
  end
  if row.free == true and row["local"] ~= true then
    parts[#parts + 1] = "free"
  end
  local selected = util.value(row.selectedFor) or {}
  if #selected > 0 then
    parts[#parts + 1] = "selected for " .. table.concat(selected, " and ")
  end
  return util.clean(table.concat(parts, " · "))
end

local function model_label(row)
  local parts = { row.id }
  local name = util.value(row.name)
  if name and name ~= row.id then
    parts[#parts + 1] = name
  end
  local context = util.value(row.contextTokens)
  if context then
    parts[#parts + 1] = ("%d tokens"):format(context)
  end
  if util.value(row.shutdownDate) then
    parts[#parts + 1] = "until " .. row.shutdownDate
  end
  if row.default == true then
    parts[#parts + 1] = "default"
  end
  return util.clean(table.concat(parts, " · "))
end

local function save(purpose, provider, model)
  local params = { ["for"] = purpose, provider = provider, model = model }
  client.request("polypilot/select", params, function(problem, result)
    if problem then
      return util.report(problem)
    end
    util.notify(
      ("%s: %s%s"):format(
        purpose == "both" and "completion and chat" or purpose,
        result.provider,
        util.value(result.model) and " / " .. result.model or ""
      )
    )
    if util.value(result.warning) then
      util.notify(result.warning, vim.log.levels.WARN)
    end
  end)
end

---@param chosen fun(provider: string, model: string|nil)
local function pick_model(provider, chosen)
  client.request("polypilot/models", { provider = provider }, function(problem, models)
    if problem then
      return util.report(problem)
    end
    if not models or #models == 0 then
      return chosen(provider)
    end
    vim.ui.select(models, { prompt = "Model", format_item = model_label }, function(model)
      if model then
        chosen(provider, model.id)
      end
    end)
  end)
end

local function with_key(row, proceed)
  if row.auth ~= "keyring" or row.keyStored ~= false then
    return proceed()
  end
  local page = util.value(row.keyPage)
  if page then
    util.notify(("keys for %s: %s"):format(row.name or row.id, page))
  end
  auth.ask(row.id, function(stored)
    if stored then
      proceed()
    end
  end, util.value(row.account))
end

---@param prompt string
---@param chosen fun(row: table)
---@param filter? fun(row: table): boolean
function M.provider(prompt, chosen, filter)
  client.request("polypilot/providers", {}, function(problem, rows)
    if problem then
      return util.report(problem)
    end
    rows = rows or {}
    M.known = vim.tbl_map(function(row)
      return row.id
    end, rows)
    rows = filter and vim.tbl_filter(filter, rows) or rows
    vim.ui.select(rows, { prompt = prompt, format_item = provider_label }, function(row)
      if row then
        chosen(row)
      end
    end)
  end)
end

---@param purpose? "completion"|"chat"|"both" asked for when it isn't given
function M.select(purpose)
  local function go(for_what)
    M.provider("Provider", function(row)
      with_key(row, function()
        pick_model(row.id, function(provider, model)
          save(for_what, provider, model)
        end)
      end)
    end)
  end
  if purpose then
    return go(purpose)
  end
  vim.ui.select(purposes, {
    prompt = "Choose for",
    format_item = function(row)
      return row.label
    end,
  }, function(row)
    if row then
      go(row.id)
    end
  end)
end

--- A provider and a model, for whatever they are wanted for; nothing is saved.
---@param chosen fun(provider: string, model: string|nil)
function M.model(chosen)
  M.provider("Provider", function(row)
    with_key(row, function()
      pick_model(row.id, chosen)
    end)
  end)
end

--- Key entry, with a list to choose from when no provider is named.
---@param provider? string
function M.auth(provider)
  if provider and provider ~= "" then
    return auth.ask(provider)
  end
  M.provider("Key for", function(row)
    auth.ask(row.id)
  end, function(row)
    return row.auth == "keyring"
  end)
end

return M
