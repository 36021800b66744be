-- Corrects a sum by ARGV[1], in ns, now that it is known what a call used.
owe(KEYS[1], owes(KEYS[1]) + ARGV[1])
