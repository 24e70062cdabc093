-- Tables of tables and of strings, most of them garbage soon.
local state = 1
local function draw(n)
  state = (state * 1103515245 + 12345) % 2147483648
  return (state // 65536) % n
end

local total = 0
local kept = {}
for turn = 1, 800000 do
  local row = { id = turn, name = "row " .. draw(30000), list = { turn, turn + 1 } }
  kept[draw(50000) + 1] = row
  total = total + #row.name
end
local names = {}
for _, row in pairs(kept) do
  names[#names + 1] = row.name
end
table.sort(names)
print(total, #names, names[1], names[#names])
