"""A small grammar of Korean and English that writes one meaning in both languages.

hangul     syllables taken apart and put together; particles
korean     conjugation of verbs, adjectives and the copula
english    inflection, articles, word order
tables     the words; lexicon reads them
sentences  clauses, and sentences joined from them, put in the order of each language
phrases    noun phrases drawn by chance; dice is the chance
sampling   clauses and sentences drawn by chance
lines      what else a text has: titles, single words, words in quotes
"""
