# The bills as tables in Markdown, as the READMEs have them.

locals {
  # Number: the same with a comma. Below a million.
  number = { for n in distinct(concat(var.clients, flatten([for lines in local.rounded : lines[*].usd]))) :
    n => n < 1000 ? tostring(n) : format("%d,%03d", floor(n / 1000), n % 1000)
  }

  rounded = { for name, bill in local.bills : name => [
    for line in concat(bill, [{ what = "**total**", how = "", usd = local.totals[name] }]) :
    merge(line, { usd = [for usd in line.usd : floor(usd + 0.5)] })
  ] }

  head = [
    "| USD a month (${local.prices.as_of}) | how it is counted | ${join(" | ", [for n in var.clients : "${local.number[n]} clients"])} |",
    "|---|---|${join("", [for _ in var.clients : "---:|"])}",
  ]
  # All roots in one, under the name of the directory above them, and the units behind it.
  summary = join("\n", concat(
    ["| USD a month (${local.prices.as_of}) | ${join(" | ", [for n in var.clients : "${local.number[n]} clients"])} |", "|---|${join("", [for _ in var.clients : "---:|"])}"],
    [for name, totals in local.totals : "| ${name} | ${join(" | ", [for usd in totals : local.number[floor(usd + 0.5)]])} |"],
    ["", "| unit | | measured or assumed |", "|---|---:|---|"],
    [for name, unit in local.units.measured : "| ${replace(name, "_", " ")} | ${unit.value} | measured: ${unit.source} |"],
    [for name, unit in local.units.assumed : "| ${replace(name, "_", " ")} | ${unit.value} | assumed: ${unit.source} |"],
  ))

  tables = merge({ "." = local.summary }, { for name, lines in local.rounded : name => join("\n", concat(
    local.head,
    [for line in lines : "| ${line.what} | ${line.how} | ${join(" | ", [for usd in line.usd : local.number[usd]])} |"],
    ["| a client | | ${join(" | ", [for i, usd in local.totals[name] : format("%.3f", usd / var.clients[i])])} |"],
  )) })
}
