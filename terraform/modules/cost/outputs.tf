output "tables" {
  description = "By root, and for all of them (\".\"): a table in Markdown, USD a month for each number of clients, as the READMEs have it."
  value       = local.tables
}

output "totals" {
  description = "By root: USD a month for each number of clients."
  value       = local.totals
}
