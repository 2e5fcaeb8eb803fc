// Runs Lua scripts without Argo CD: with Lua 5.1, the version of Argo CD's interpreter, and only the libraries that
// Argo CD gives to users' scripts.
import { execFileSync } from 'node:child_process'
import { luaLiteral } from '../../hack/generate/lua.ts'

export interface Call {
  script: string
  obj: object
}

/** Results in the order of the calls. Throws the error of the first script that fails. */
export function runLua(calls: readonly Call[]): unknown[] {
  const lines = calls.map(({ script, obj }) => `run(${luaLiteral(script)}, ${luaLiteral(obj)})\n`)
  const output = execFileSync('lua5.1', ['-'], { input: `${driver}\n${lines.join('')}`, encoding: 'utf8' })
  return output
    .trimEnd()
    .split('\n')
    .map((line) => {
      const { error, result } = JSON.parse(line) as { error?: string; result?: unknown }
      if (error !== undefined) throw new Error(error)
      return result
    })
}

/**
 * Prints each result as a line of JSON. As in Argo CD, an empty table is an empty array, and a script has `table` and
 * `os`, but neither the library `string` nor methods of strings.
 */
const driver = `
local format, gsub, byte = string.format, string.gsub, string.byte
getmetatable("").__index = nil

local encode
local function quote(text)
  return '"' .. gsub(text, '[%c"\\\\]', function(c) return format("\\\\u%04x", byte(c)) end) .. '"'
end
local function encodeTable(value)
  local parts = {}
  if next(value) == nil or value[1] ~= nil then
    for _, item in ipairs(value) do table.insert(parts, encode(item)) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for name, field in pairs(value) do table.insert(parts, quote(name) .. ":" .. encode(field)) end
  return "{" .. table.concat(parts, ",") .. "}"
end
function encode(value)
  if type(value) == "table" then return encodeTable(value) end
  if type(value) == "string" then return quote(value) end
  return value == nil and "null" or tostring(value)
end

local allowed = { "assert", "error", "ipairs", "next", "pairs", "pcall", "select", "tonumber", "tostring", "type" }
function run(script, obj)
  local env = { obj = obj, table = table, os = { time = os.time, date = os.date } }
  for _, name in ipairs(allowed) do env[name] = _G[name] end
  local compiled, problem = loadstring(script)
  local ok, result = false, problem
  if compiled then ok, result = pcall(setfenv(compiled, env)) end
  print(ok and '{"result":' .. encode(result) .. "}" or '{"error":' .. quote(tostring(result)) .. "}")
end`
