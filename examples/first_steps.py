"""First steps: train a network on digits, see how good it is and where it errs, and keep it."""

import digitcore
from digitcore.charts import confusion_chart
from digitcore.evaluation import confusion_table

digits = digitcore.load_dataset("digits")
parts = digitcore.split(digits, test_size=0.25, stratify=True)
print(digits, parts, sep="\n")

model = digitcore.MLP(hidden_units=(64,), optimizer="adam", random_state=0, verbose=1)
model.fit(*parts.train.X_y())

X, y = parts.test.X_y()
print(digitcore.evaluate(model, X, y))

table = confusion_table(y, model.predict(X), digits.class_names)
confusion_chart(table).save("confusion.html")

model.save("digits.safetensors")
same_model = digitcore.load_model("digits.safetensors")
print("The loaded model predicts the same:", (same_model.predict(X) == model.predict(X)).all())
