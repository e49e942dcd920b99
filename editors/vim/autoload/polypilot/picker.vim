vim9script
# Chooses a provider and a model; the server saves the choice.

import autoload './auth.vim'
import autoload './client.vim'
import autoload './util.vim'

const PURPOSES = {both: 'completion and chat', completion: 'completion', chat: 'chat'}

var known: list<string> = []

# The last list's ids, for completion on the command line.
export def Known(): list<string>
  return known
enddef

def NeedsKey(row: dict<any>): bool
  var stored = get(row, 'keyStored', null)
  return util.Field(row, 'auth') ==# 'keyring' && stored != null && !stored
enddef

def ProviderLabel(row: dict<any>): string
  var here = util.Field(row, 'local', false)
  var parts = [util.Field(row, 'name', row.id)]
  if here
    add(parts, 'on this machine')
  elseif util.Field(row, 'keyStored', false)
    add(parts, 'key stored')
  elseif NeedsKey(row)
    add(parts, 'needs a key')
  endif
  if !here && util.Field(row, 'free', false)
    add(parts, 'free')
  endif
  var selected = util.Field(row, 'selectedFor', [])
  if !empty(selected)
    add(parts, 'selected for ' .. join(selected, ' and '))
  endif
  return join(parts, ' · ')
enddef

def ModelLabel(row: dict<any>): string
  var parts = [row.id]
  if util.Field(row, 'name', row.id) !=# row.id
    add(parts, row.name)
  endif
  if util.Field(row, 'contextTokens', 0) > 0
    add(parts, $'{row.contextTokens} tokens')
  endif
  if util.Field(row, 'shutdownDate') != ''
    add(parts, $'until {row.shutdownDate}')
  endif
  if util.Field(row, 'default', false)
    add(parts, 'default')
  endif
  return join(parts, ' · ')
enddef

# Lets the user choose a provider, of those that the filter lets pass.
export def Provider(title: string, Chosen: func, Filter: func = (_) => true)
  client.Ask('polypilot/providers', {}, (rows) => {
    known = mapnew(rows, (_, row) => row.id)
    util.Choose(title, copy(rows)->filter((_, row) => Filter(row)), ProviderLabel, Chosen)
  })
enddef

# A provider, its key if it needs one, and a model, for whatever they are wanted for.
export def Model(Chosen: func)
  Provider('Provider', (row) => {
    var Go = () => {
      client.Ask('polypilot/models', {provider: row.id}, (models) => {
        if empty(models)
          Chosen(row.id, '')
        else
          util.Choose('Model', models, ModelLabel, (model) => Chosen(row.id, model.id))
        endif
      })
    }
    if !NeedsKey(row)
      Go()
      return
    endif
    if util.Field(row, 'keyPage') != ''
      util.Notify($'keys for {util.Field(row, "name", row.id)}: {row.keyPage}')
    endif
    auth.Enter(row.id, Go, util.Field(row, 'account'))
  })
enddef

def Save(purpose: string, provider: string, model: string)
  var params = {for: purpose, provider: provider}
  client.Ask('polypilot/select', model == '' ? params : extend(params, {model: model}), (result) => {
    var name = util.Field(result, 'model')
    var warning = util.Field(result, 'warning')
    util.Notify($'{PURPOSES[purpose]}: {result.provider}' .. (name == '' ? '' : $' / {name}')
      .. (warning == '' ? '' : "\n" .. warning))
  })
enddef

export def Select(purpose: string)
  if purpose != ''
    if !has_key(PURPOSES, purpose)
      util.Notify('choose for completion, chat or both', 'ErrorMsg')
      return
    endif
    Model((provider, model) => Save(purpose, provider, model))
    return
  endif
  util.Choose('Choose for', ['both', 'completion', 'chat'], (each) => PURPOSES[each], (each) => Select(each))
enddef
