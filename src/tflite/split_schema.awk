# Splits the header that flatc generates, so that a file that only names operators and their options does not parse the code that reads and
# writes tables: OUT/schema_types.h (enums, object types), OUT/schema_types.cpp (their copies), OUT/schema_tables.h (tables, builders,
# packing; includes the types). Usage: awk -v OUT=DIR -f split_schema.awk schema_generated.h
function part_of(line) {
  if (line ~ /^inline void [A-Za-z0-9]+Union::Reset/) return "copies"
  if (line ~ /^inline [A-Za-z0-9]+::[A-Za-z0-9]+\(const [A-Za-z0-9]+ &[ou]\)/) return "copies"
  if (line ~ /^inline [A-Za-z0-9]+ &[A-Za-z0-9]+::operator=/) return "copies"
  if (line ~ /^struct [A-Za-z0-9_]+;/ || line ~ /^enum class/) return "types"
  if (line ~ /^inline const [A-Za-z0-9]+ \(&EnumValues/) return "tables"
  if (line ~ /^inline const char \*/) return "types"
  if (line ~ /^template<.*UnionTraits/) return "types"
  if (line ~ /^struct [A-Za-z0-9]+Union \{/ || line ~ /^struct [A-Za-z0-9]+T : public/) return "types"
  return "tables"
}
BEGIN {
  file["types"] = OUT "/schema_types.h"; file["copies"] = OUT "/schema_types.cpp"; file["tables"] = OUT "/schema_tables.h"
  print "#pragma once\n#include <flatbuffers/flatbuffers.h>\n\nnamespace tflite {\n" > file["types"]
  print "#include \"schema_types.h\"\n\nnamespace tflite {\n" > file["copies"]
  print "#pragma once\n#include \"schema_types.h\"\n\nnamespace tflite {\n" > file["tables"]
}
/^namespace tflite \{/ { inside = 1; next }
/^\}  \/\/ namespace tflite/ { inside = 0; next }
!inside { next }
open == "" && /^[a-z]/ {
  open = part_of($0)
  if (open == "copies") sub(/^inline /, "")
  print > file[open]
  if ($0 ~ /;$/) open = ""
  next
}
open != "" {
  # The accessors of the unions are a third of the types and not used.
  if ($0 ~ /^  (const )?tflite::[A-Za-z0-9]+ \*As[A-Za-z0-9]+\(\)/) accessor = 1
  if (!(open == "types" && accessor)) print > file[open]
  if ($0 ~ /^  \}/) accessor = 0
  if ($0 ~ /^\}/) { print "" > file[open]; open = "" }
}
END { for (f in file) print "}  // namespace tflite" > file[f] }
