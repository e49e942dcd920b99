vim9script
# What several files need: options, messages that are safe to show, problems in one shape.
# A problem is a dictionary with `message`, and `code` and `cure` where they are known.

export const INSTALL = "Install it with:  pipx install 'polypilot[embedded]'"

const DEFAULTS = {
  cmd: ['polypilot'],
  env: {},
  settings: {},
  filetypes: [],
  root_markers: ['.polypilot.toml', '.git'],
  auto: true,
  with_menu: false,
  notify: true,
  keys: {
    accept: '<Tab>',
    accept_word: '<M-Right>',
    accept_line: '<M-C-Right>',
    next: '<M-Down>',
    previous: '<M-Up>',
    dismiss: '<C-]>',
    trigger: '<C-x><C-g>',
  },
  chat: {
    position: 'right',
    width: 0.4,
    prompt_height: 5,
  },
}

# One option, the user's or the default.
export def Option(name: string): any
  var given = get(g:, 'polypilot', {})
  var standard: any = DEFAULTS[name]
  if type(given) != v:t_dict || !has_key(given, name)
    return standard
  endif
  var value: any = given[name]
  if type(standard) == v:t_dict && type(value) == v:t_dict
    return extendnew(standard, value)
  endif
  return value
enddef

# Text from outside, made harmless: no escape sequence reaches the screen.
export def Clean(text: any): string
  var lines = split(type(text) == v:t_string ? text : string(text), '\r\n\|\r\|\n', true)
  return join(mapnew(lines, (_, line) => strtrans(line)), "\n")
enddef

# A field of a decoded message; null counts as absent.
export def Field(from: any, name: string, default: any = ''): any
  if type(from) != v:t_dict
    return default
  endif
  var value = get(from, name, null)
  return value == null ? default : value
enddef

const KEPT = 100
var said: list<string> = []

# What was shown, the last of it last: a popup leaves no trace in |:messages|.
export def Said(): list<string>
  return copy(said)
enddef

export def Notify(text: string, highlight = '')
  var lines = split(Clean('Polypilot: ' .. text), "\n")
  said = add(said, join(lines, "\n"))[-KEPT :]
  if len(lines) > 1 || strdisplaywidth(lines[0]) > &columns - 15
    # More lines than the last one would stop everything for a key.
    popup_notification(lines, {time: 8000, highlight: highlight == '' ? 'Normal' : highlight})
  else
    execute 'echohl' highlight == '' ? 'None' : highlight
    echomsg lines[0]
    echohl None
  endif
enddef

export def Describe(problem: dict<any>): string
  var cure = Field(problem, 'cure')
  return Clean(problem.message .. (cure == '' ? '' : "\n" .. cure))
enddef

export def Report(problem: dict<any>)
  Notify(Describe(problem), 'WarningMsg')
enddef

# The error of a JSON-RPC answer in our shape.
export def Problem(error: dict<any>): dict<any>
  var data = Field(error, 'data', {})
  return {
    message: $'{Field(error, "message", "the request failed")}',
    code: Field(data, 'code', Field(error, 'code', 0)),
    cure: Field(data, 'cure'),
  }
enddef

# Path to URI.
export def Uri(path: string): string
  var absolute = substitute(fnamemodify(path, ':p'), '\(.\)/$', '\1', '')
  return 'file://' .. substitute(absolute, '[^A-Za-z0-9/._~-]', (m) => Encoded(m[0]), 'g')
enddef

def Encoded(char: string): string
  var codes = mapnew(range(strlen(char)), (_, at) => char2nr(strpart(char, at, 1)))
  return join(mapnew(codes, (_, code) => printf('%%%02X', code)), '')
enddef

# URI to path; empty if it is no file's.
export def Path(uri: string): string
  if uri !~ '^file://'
    return ''
  endif
  return substitute(strpart(uri, 7), '\%(%\x\x\)\+', (m) => Decode(m[0]), 'g')
enddef

def Decode(text: string): string
  var bytes = 0z
  for code in split(text, '%')
    bytes += eval('0z' .. code)
  endfor
  return BytesToText(bytes)
enddef

def BytesToText(bytes: blob): string
  var out = ''
  var at = 0
  while at < len(bytes)
    var first = bytes[at]
    var length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
    var code = length == 1 ? first : first % (1 << (7 - length))
    for next in range(1, length - 1)
      code = code * 64 + (at + next < len(bytes) ? bytes[at + next] : 0x80) % 64
    endfor
    out ..= nr2char(code)
    at += length
  endwhile
  return out
enddef

# A document as it is called on screen. What is refused may have any name.
export def Name(uri: string): string
  var path = Path(uri)
  return Clean(path == '' ? uri : fnamemodify(path, ':~:.'))
enddef

export def NameOf(bufnr: number): string
  var name = bufname(bufnr)
  return name == '' ? 'this buffer' : fnamemodify(name, ':~:.')
enddef

# Lets the user choose one of `rows`; the label makes a line of each. Calls back if they did.
export def Choose(title: string, rows: list<any>, Label: func, Chosen: func)
  if empty(rows)
    return
  endif
  var lines = mapnew(rows, (_, row) => substitute(Clean(Label(row)), "\n", ' ', 'g'))
  popup_menu(lines, {
    title: $' {Clean(title)} ',
    maxheight: max([3, &lines - 6]),
    maxwidth: max([20, &columns - 8]),
    scrollbar: true,
    mapping: false,
    callback: (_, chosen) => {
      if chosen > 0
        # Not from inside the menu: what comes next may ask too.
        timer_start(0, (_) => Chosen(rows[chosen - 1]))
      endif
    },
  })
enddef

# A scratch window with these lines; `q` closes it.
export def Show(name: string, lines: list<string>, filetype = '')
  execute 'botright new'
  execute $'resize {min([len(lines) + 1, 16])}'
  setlocal buftype=nofile bufhidden=wipe noswapfile nomodeline nobuflisted
  setline(1, split(Clean(join(lines, "\n")), "\n", true))
  execute 'silent file' fnameescape(name)
  &l:filetype = filetype
  setlocal nomodeline nomodifiable
  nnoremap <buffer> <nowait> q <Cmd>close<CR>
enddef
