"""A small grammar of Korean and English that writes the same meaning in both languages.

hangul     splits and joins syllables; particles
korean     conjugation of verbs, adjectives and the copula
english    inflection, articles, word order
tables     the words, as text; lexicon reads them into objects
sentences  clauses and sentences, in the word order of each language
phrases    random noun phrases; dice draws the random numbers
sampling   random clauses and sentences
lines      random lines: sentences, titles, single words, quotations
links      which Korean word of a line became which English word
"""
