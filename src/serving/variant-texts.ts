/** What a model variant is checked on at start: real legal prose, of many lengths, that every installation has. */
import type { Family } from '../family/load-family.js'
import type { TokenSequence } from '../onnx/encoder-session.js'
import { loadTokenizer } from '../tokenizer/text-tokenizer.js'
import { truncate, withSpecialTokens } from '../tokenizer/windows.js'

/** Opinions of the Supreme Court of the United States and the Constitution; in the public domain (17 U.S.C. § 105). */
const PASSAGES = [
  // Marbury v. Madison, 5 U.S. 137 (1803)
  'It is emphatically the province and duty of the Judicial Department to say what the law is. Those who apply the rule to particular cases must, of necessity, expound and interpret that rule. If two laws conflict with each other, the Courts must decide on the operation of each.',
  // Gideon v. Wainwright, 372 U.S. 335 (1963)
  'Petitioner was charged in a Florida state court with having broken and entered a poolroom with intent to commit a misdemeanor. This offense is a felony under Florida law. Appearing in court without funds and without a lawyer, petitioner asked the court to appoint counsel for him.',
  // Brown v. Board of Education, 347 U.S. 483 (1954)
  'We conclude that, in the field of public education, the doctrine of "separate but equal" has no place. Separate educational facilities are inherently unequal.',
  // Miranda v. Arizona, 384 U.S. 436 (1966)
  'Prior to any questioning, the person must be warned that he has a right to remain silent, that any statement he does make may be used as evidence against him, and that he has a right to the presence of an attorney, either retained or appointed.',
  // Constitution, Amendments I, IV, V and XVI
  'Congress shall make no law respecting an establishment of religion, or prohibiting the free exercise thereof; or abridging the freedom of speech, or of the press.',
  'The right of the people to be secure in their persons, houses, papers, and effects, against unreasonable searches and seizures, shall not be violated, and no Warrants shall issue, but upon probable cause, supported by Oath or affirmation, and particularly describing the place to be searched, and the persons or things to be seized.',
  'No person shall be deprived of life, liberty, or property, without due process of law; nor shall private property be taken for public use, without just compensation.',
  'The Congress shall have power to lay and collect taxes on incomes, from whatever source derived, without apportionment among the several States, and without regard to any census or enumeration.',
  // McCulloch v. Maryland, 17 U.S. 316 (1819)
  'Let the end be legitimate, let it be within the scope of the constitution, and all means which are appropriate, which are plainly adapted to that end, which are not prohibited, but consist with the letter and spirit of the constitution, are constitutional.',
  'That the power to tax involves the power to destroy; that the power to destroy may defeat and render useless the power to create.',
  // Olmstead v. United States, 277 U.S. 438 (1928), Brandeis, J., dissenting
  "Experience should teach us to be most on our guard to protect liberty when the Government's purposes are beneficent.",
] as const

/** @returns the passages, each cut at the family's longest input, and all of them as one text */
export async function variantTexts({ manifest, paths }: Family): Promise<TokenSequence[]> {
  const tokenizer = loadTokenizer(paths.tokenizer)
  const encoded = await tokenizer.encodeBatch([...PASSAGES, PASSAGES.join(' ')])
  return encoded.map(({ ids }) => {
    const { start, end } = truncate(ids.length, manifest.maxTokens)
    return { inputIds: withSpecialTokens(ids.subarray(start, end), tokenizer) }
  })
}
