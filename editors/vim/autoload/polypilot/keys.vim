vim9script
# `<Plug>` mappings, and the default keys on them: a key does what it did before when there is
# nothing for it to do.

import autoload './ghost.vim'
import autoload './util.vim'

const NAMES = ['accept', 'accept_word', 'accept_line', 'next', 'previous', 'dismiss', 'trigger']

# Keys that do it; empty when there is nothing to do.
export def Keys(name: string): string
  if name ==# 'trigger'
    return "\<Cmd>call polypilot#Trigger()\<CR>"
  elseif !ghost.Visible()
    return ''
  elseif name =~# '^accept'
    var part = {accept: 'all', accept_word: 'word', accept_line: 'line'}[name]
    # Between two breaks of undo.
    return $"\<C-g>u\<Cmd>call polypilot#Insert('{part}')\<CR>\<C-g>u"
  elseif name ==# 'dismiss'
    return "\<Cmd>call polypilot#Dismiss()\<CR>"
  endif
  return $"\<Cmd>call polypilot#Cycle({name ==# 'next' ? 1 : -1})\<CR>"
enddef

def Plug(name: string): string
  return $'<Plug>(polypilot-{substitute(name, "_", "-", "g")})'
enddef

# What a key did is kept under this name.
def Before(key: string): string
  return $'<Plug>(polypilot-was-{substitute(key, "[<>]", "", "g")})'
enddef

# Keys for a default key: ours, or what it did before.
export def OrBefore(name: string, key: string): string
  var keys = Keys(name)
  return keys != '' ? keys : substitute(Before(key), '^<Plug>', "\<Plug>", '')
enddef

def Keep(key: string)
  var map = maparg(key, 'i', false, true)
  if empty(map) || map.buffer
    execute 'inoremap <silent>' Before(key) key
  else
    map.lhs = Before(key)
    map.lhsraw = substitute(Before(key), '^<Plug>', "\<Plug>", '')
    if has_key(map, 'lhsrawalt')
      remove(map, 'lhsrawalt')
    endif
    mapset(map)
  endif
enddef

# The mappings, and the keys of the options on them.
export def Define()
  for name in NAMES
    execute $'inoremap <silent> <expr> {Plug(name)} polypilot#Keys("{name}")'
  endfor
  var keys = util.Option('keys')
  if type(keys) != v:t_dict
    return
  endif
  for name in NAMES
    var key = keys[name]
    if type(key) == v:t_string && key != ''
      Keep(key)
      var quoted = substitute(key, '<', '<lt>', 'g')
      execute $"imap <silent> <expr> {key} polypilot#OrBefore('{name}', '{quoted}')"
    endif
  endfor
enddef
