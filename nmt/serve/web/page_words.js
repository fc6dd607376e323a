// The words of the page, in English and in Korean.

const en = {
  title: "Translate", from: "From", into: "Into", key: "API key", text: "Text", translation: "Translation",
  others: "Other translations", count: "Other translations", none: "none", told: "Tell the language", busy: "Translating…",
  language: (name) => `The text seems to be in ${name}.`, away: "The service does not answer.", think: "Watch it think",
  usable: ["may well be wrong", "look it over", "looks good"],
  usableSays: (word, percent) => `usable with a probability of ${percent}%: ${word}`, line: (number) => `Line ${number}: `,
  checks: {
    loop: "It repeats itself.", "cut-off": "It was cut off before its end.", copied: "It is a copy of the text.",
    "wrong-script": "It is in another script.", length: "Its length does not go with that of the text.",
    number: "A number is missing, or new.", placeholder: "A tag or an address is not as it was.",
    term: "A term of the glossary is missing.",
  },
  terms: "Glossary", kept: "is there", lost: "is missing",
  looked: "Point at a word of the translation, or go there with the arrow keys, to see which words it looked at.",
  looks: (word, sources) => sources ? `${word} ← ${sources}` : `${word}: no word of the text`, unlinked: "This model cannot say which words it looked at.",
};

const ko = {
  title: "번역", from: "원문 언어", into: "번역 언어", key: "API 키", text: "원문", translation: "번역문",
  others: "다른 번역", count: "다른 번역", none: "없음", told: "언어 알아내기", busy: "번역하고 있어요…",
  language: (name) => `원문은 ${name}인 것 같아요.`, away: "서비스가 응답하지 않아요.", think: "번역 과정 들여다보기",
  usable: ["틀렸을 수 있어요", "한번 살펴보세요", "쓸 만해요"],
  usableSays: (word, percent) => `쓸 수 있을 확률 ${percent}%: ${word}`, line: (number) => `${number}번째 줄: `,
  checks: {
    loop: "같은 말이 되풀이돼요.", "cut-off": "끝나기 전에 잘렸어요.", copied: "원문을 그대로 옮겨 적었어요.",
    "wrong-script": "다른 문자로 쓰였어요.", length: "원문과 길이가 맞지 않아요.",
    number: "숫자가 빠졌거나 새로 생겼어요.", placeholder: "태그나 주소가 달라졌어요.", term: "용어집의 용어가 빠졌어요.",
  },
  terms: "용어집", kept: "있음", lost: "빠짐",
  looked: "번역문의 단어를 가리키거나 화살표 키로 옮겨 가면, 원문의 어느 단어를 보았는지 알 수 있어요.",
  looks: (word, sources) => sources ? `${word} ← ${sources}` : `${word}: 원문에서 본 단어가 없어요`, unlinked: "이 모델은 어느 단어를 보았는지 알려 줄 수 없어요.",
};

export const WORDS = { en, ko };
