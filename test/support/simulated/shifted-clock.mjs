// Given to Node by --import: the process believes in a time that is SHIFTED_BY_MS away from the machine's. Its monotonic clock runs as ever.
const shift = Number(process.env.SHIFTED_BY_MS ?? 0);
const TrueDate = Date;

globalThis.Date = class extends TrueDate {
  constructor(...args) {
    if (args.length === 0) super(TrueDate.now() + shift);
    else super(...args);
  }

  static now() {
    return TrueDate.now() + shift;
  }
};
