// Finds the number for which SHA-256 of salt and number is the challenge (FIPS 180-4). Written out,
// since crypto.subtle is asynchronous, which costs more than the digest, and absent without TLS.

const primes = [];
for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
const fraction = (root) => ((root % 1) * 2 ** 32) | 0;
const K = Int32Array.from(primes, (p) => fraction(Math.cbrt(p)));
const START = Int32Array.from(primes.slice(0, 8), (p) => fraction(Math.sqrt(p)));
const w = new Int32Array(64);
const rotate = (x, n) => (x >>> n) | (x << (32 - n));

function compress(state, block) {
  for (let i = 0; i < 16; i++) w[i] = block.getInt32(i * 4);
  for (let i = 16; i < 64; i++) {
    const a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3)) + w[i - 7] + (rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10));
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const t1 = (h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
    const t2 = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
  }
  const next = [a, b, c, d, e, f, g, h];
  for (let i = 0; i < 8; i++) state[i] += next[i];
}

// The digest of an ASCII text, as eight numbers of 32 bits.
function sha256(text) {
  const length = text.length;
  const bytes = new Uint8Array((((length + 8) >> 6) + 1) << 6);
  for (let i = 0; i < length; i++) bytes[i] = text.charCodeAt(i);
  bytes[length] = 0x80;
  new DataView(bytes.buffer).setUint32(bytes.length - 4, length * 8);
  const state = Int32Array.from(START);
  for (let at = 0; at < bytes.length; at += 64) compress(state, new DataView(bytes.buffer, at, 64));
  return state;
}

const words = (hex) => Int32Array.from(hex.match(/.{8}/g), (part) => parseInt(part, 16) | 0);

onmessage = ({ data: { salt, challenge, maxnumber } }) => {
  const wanted = words(challenge);
  for (let number = 0; number <= maxnumber; number++) {
    if (sha256(salt + number).every((word, i) => word === wanted[i])) return postMessage(number);
  }
  throw new Error("no number solves this challenge");
};
