variable "clients" {
  description = "Numbers of clients, connected at the same time, that the tables have a column for."
  type        = list(number)
  default     = [1000, 100000]
  nullable    = false
  validation {
    condition     = length(var.clients) > 0 && alltrue([for n in var.clients : n >= 1 && floor(n) == n && n < 1e6])
    error_message = "clients: want whole numbers from 1 to 999,999; larger plans are docs/scaling.md's."
  }
}
