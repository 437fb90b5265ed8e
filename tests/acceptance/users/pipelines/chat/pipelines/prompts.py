PROMPT = "Answer politely: {}"
