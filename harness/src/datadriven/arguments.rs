//! Reading a command's arguments as values.

use super::{Arg, BadArgument, Directive};

/// A value that can be given as an argument.
pub trait FromArgument: Sized {
    /// What such an argument looks like, for error texts: `a number`.
    const EXPECTED: &'static str;

    /// The value that `text` stands for.
    fn from_argument(text: &str) -> Option<Self>;
}

macro_rules! number_arguments {
    ($($number:ty),+) => {$(
        impl FromArgument for $number {
            const EXPECTED: &'static str = "a number";

            fn from_argument(text: &str) -> Option<Self> {
                // `parse` alone would take a sign.
                text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
            }
        }
    )+};
}

number_arguments!(u32, u64, usize);

impl FromArgument for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_argument(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromArgument for String {
    const EXPECTED: &'static str = "a word";

    fn from_argument(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

/// A command's arguments, taken one by one; what nobody has taken in the end is an error.
#[derive(Debug)]
#[must_use = "arguments that are not finished are not checked"]
pub struct Arguments<'a> {
    directive: &'a Directive,
    /// Which arguments have been taken.
    taken: Vec<bool>,
    /// The keys that were asked for.
    known: Vec<&'static str>,
    input_taken: bool,
}

impl<'a> Arguments<'a> {
    /// The arguments of `directive`, none taken.
    pub fn new(directive: &'a Directive) -> Self {
        let taken = vec![false; directive.args.len()];
        Arguments { directive, taken, known: Vec::new(), input_taken: false }
    }

    fn take(&mut self, wanted: impl Fn(&Arg) -> bool) -> Option<&'a Arg> {
        let directive = self.directive;
        let mut untaken = directive.args.iter().zip(&mut self.taken).filter(|(_, taken)| !**taken);
        let (arg, taken) = untaken.find(|(arg, _)| wanted(arg))?;
        *taken = true;
        Some(arg)
    }

    /// The next argument without a key, which is `what`.
    pub fn positional<T: FromArgument>(&mut self, what: &str) -> Result<T, BadArgument> {
        match self.optional_positional(what)? {
            Some(value) => Ok(value),
            None => Err(BadArgument::Missing { expected: expected::<T>(what) }),
        }
    }

    /// All arguments without a key that are left, each of which is `what`.
    pub fn positionals<T: FromArgument>(&mut self, what: &str) -> Result<Vec<T>, BadArgument> {
        std::iter::from_fn(|| self.optional_positional(what).transpose()).collect()
    }

    fn optional_positional<T: FromArgument>(
        &mut self,
        what: &str,
    ) -> Result<Option<T>, BadArgument> {
        self.take(|arg| arg.values.is_none()).map(|arg| value(what, &arg.key)).transpose()
    }

    /// The value of `key`, if it is given.
    pub fn keyed<T: FromArgument>(&mut self, key: &'static str) -> Result<Option<T>, BadArgument> {
        let Some(mut values) = self.list(key)? else { return Ok(None) };
        match (values.pop(), values.is_empty()) {
            (Some(value), true) => Ok(Some(value)),
            _ => {
                let found = self.directive.args.iter().find(|arg| arg.key == key);
                let found = found.map(Arg::to_string).unwrap_or_default();
                Err(BadArgument::invalid(expected::<T>(&format!("{key}=")), found))
            }
        }
    }

    /// The value of `key`.
    pub fn required<T: FromArgument>(&mut self, key: &'static str) -> Result<T, BadArgument> {
        self.keyed(key)?
            .ok_or_else(|| BadArgument::Missing { expected: expected::<T>(&format!("{key}=")) })
    }

    /// The values of `key`, if it is given: as a list in parentheses, or one alone.
    pub fn list<T: FromArgument>(
        &mut self,
        key: &'static str,
    ) -> Result<Option<Vec<T>>, BadArgument> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let Some(arg) = self.take(|arg| arg.key == key && arg.values.is_some()) else {
            return Ok(None);
        };
        let values = arg.values.iter().flatten();
        values.map(|text| value(&format!("{key}="), text)).collect::<Result<_, _>>().map(Some)
    }

    /// The lines below the command.
    pub fn input(&mut self) -> &'a str {
        self.input_taken = true;
        &self.directive.input
    }

    /// Makes sure that nothing is left: neither an argument nor input that was not taken.
    pub fn finish(self) -> Result<(), BadArgument> {
        let untaken = self.directive.args.iter().zip(&self.taken).find(|(_, taken)| !**taken);
        if let Some((arg, _)) = untaken {
            let keys = self.known.join("=, ");
            let known = if keys.is_empty() { keys } else { format!(" than {keys}=") };
            return Err(BadArgument::Unexpected { found: arg.to_string(), known });
        }
        match self.directive.input.lines().next() {
            Some(first) if !self.input_taken => {
                Err(BadArgument::UnexpectedInput { found: first.to_owned() })
            }
            _ => Ok(()),
        }
    }
}

fn value<T: FromArgument>(what: &str, text: &str) -> Result<T, BadArgument> {
    T::from_argument(text).ok_or_else(|| BadArgument::invalid(expected::<T>(what), text))
}

fn expected<T: FromArgument>(what: &str) -> String {
    format!("{} for {what}", T::EXPECTED)
}
